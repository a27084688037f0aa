"""Who works here: roles, sessions, second factors. A role is given by two people; taking one away needs one."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from vending.access import approvals, passwords, people, policy
from vending.access import service as access
from vending.access.people import PersonView
from vending.access.policy import EVERYWHERE, Grant, Permission
from vending.errors import NotFound, VendingError
from vending.estate import queries as estate
from vending.services import Services
from vending.web import forms, gate, listing, places, trail_words, words
from vending.web.listing import Cell, Column
from vending.web.words import _

room = Blueprint("people", __name__, url_prefix="/manager/people")


@room.get("")
@gate.needs("people.read")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    text, role, state = (request.args.get(name, "") for name in ("q", "role", "state"))
    with services.db.reading() as session:
        everybody = people.list_people(session, g.actor)
        living = access.list_sessions(session, services.clock, g.actor)
    inside = {one.person_key for one in living}
    wanted = text.strip().casefold()
    found = [
        one
        for one in everybody
        if (not wanted or wanted in one.name.casefold() or wanted in one.login)
        and (not role or any(grant.role == role for grant in one.grants))
        and (not state or (state == "closed") == (one.disabled_at is not None))
    ]
    rows = [
        [
            Cell(one.name, sub=one.login, url=url_for("people.show", key=one.key), lamp=_lamp(one, inside)),
            Cell(roles_of(one) or _("no role yet"), ", ".join(sorted(grant.role for grant in one.grants))),
            Cell(_factor(one)),
            Cell(_("signed in") if one.key in inside else ""),
            Cell(words.day(one.created_at, place.zone), one.created_at),
        ]
        for one in found
    ]
    return listing.answer(
        listing.Listing(
            name="people",
            page={
                "title": _("People"),
                "actions": [
                    {"label": _("API keys"), "url": url_for("api_keys.index")}
                    if places.can(g.actor, Permission.API_KEY_EDIT.value)
                    else None,
                    {"label": _("Add a person"), "url": url_for("people.add"), "next": True}
                    if places.can(g.actor, Permission.PEOPLE_EDIT.value)
                    else None,
                ],
            },
            columns=[
                Column("name", _("Name")),
                Column("roles", _("Roles")),
                Column("second factor", _("Second factor")),
                Column("session", _("Now")),
                Column("since", _("Since")),
            ],
            fetch=listing.whole(rows),
            filter={
                "action": url_for("people.index"),
                "search_label": _("Name"),
                "search": text,
                "choices": [
                    {
                        "name": "role",
                        "label": _("Role"),
                        "chosen": role,
                        "options": [{"value": "", "label": _("all")}]
                        + [
                            {"value": one, "label": words.role_name(one)}
                            for one in policy.ROLES
                            if one != "API client"
                        ],
                    },
                    {
                        "name": "state",
                        "label": _("Account"),
                        "chosen": state,
                        "options": [
                            {"value": "", "label": _("all")},
                            {"value": "open", "label": _("open")},
                            {"value": "closed", "label": _("closed")},
                        ],
                    },
                ],
            },
            nothing={
                "title": _("Nobody fits"),
                "text": _("Nobody of that name or role works at your sites. Search by a part of the name."),
                "action": _("Show everybody"),
                "url": url_for("people.index"),
            },
        )
    )


def _lamp(one: PersonView, inside: set[str]) -> str:
    return "now" if one.disabled_at else "on" if one.key in inside else "off"


def roles_of(one: PersonView) -> str:
    return ", ".join(sorted({words.role_name(grant.role) for grant in one.grants}))


def _factor(one: PersonView) -> str:
    if one.disabled_at:
        return _("account closed")
    return _("set up") if one.has_second_factor else _("none yet")


def seen(key: str) -> PersonView:
    """A person whom this actor may see; NotFound otherwise, the same as for nobody."""
    services: Services = g.services
    with services.db.reading() as session:
        found = next((one for one in people.list_people(session, g.actor) if one.key == key), None)
    if found is None:
        raise NotFound(_("There is no such person here. Search again by name."))
    return found


@room.get("/<key>")
@gate.needs("people.read")
def show(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    person = seen(key)
    edits = places.can(g.actor, Permission.PEOPLE_EDIT.value)
    with services.db.reading() as session:
        names = {site.key: site.name for site in estate.list_sites(session)}
        sessions = access.list_sessions(session, services.clock, g.actor, key)
        history = estate.history(session, f"person:{key}", most=60)
    grants = sorted(person.grants, key=lambda grant: (grant.role, grant.site))
    myself = key == g.actor.key
    acts = []
    if edits and not person.disabled_at:
        acts.append({"label": _("Ask for a role"), "url": url_for("people.ask_role", key=key), "next": True})
    if edits and not myself:
        acts += [
            {"label": _("Reset the second factor"), "url": url_for("people.reset_factor", key=key)},
            {"label": _("Give a first password"), "url": url_for("people.new_password", key=key)},
            {"label": _("Open the account again"), "url": url_for("people.enable", key=key)}
            if person.disabled_at
            else {"label": _("Close the account"), "url": url_for("people.disable", key=key)},
        ]
    return listing.answer_parts(
        "manager/record.html",
        [
            {
                "name": "roles",
                "title": _("Roles"),
                "columns": [{"label": _("Role")}, {"label": _("Site")}, {"label": ""}],
                "rows": [
                    [
                        words.role_name(grant.role),
                        names.get(grant.site, _("all sites")),
                        {
                            "text": _("Withdraw"),
                            "url": url_for("people.revoke", key=key, role=grant.role, site=grant.site),
                        }
                        if edits
                        else "",
                    ]
                    for grant in grants
                ],
            },
            {
                "name": "sessions",
                "title": _("Sessions"),
                "note": "" if sessions else _("none"),
                "columns": [{"label": _("Last seen")}, {"label": _("From")}, {"label": ""}],
                "rows": [
                    [
                        words.moment(one.seen_at, place.zone),
                        one.address,
                        {"text": _("End it"), "url": url_for("people.end_session", key=key, session=one.key)}
                        if edits
                        else "",
                    ]
                    for one in sessions
                ],
            },
            {
                "title": _("Account"),
                "pairs_list": [
                    (_("Sign-in name"), person.login),
                    (_("Second factor"), _factor(person)),
                    (_("PIN at the till"), _("set") if person.has_pin else _("none")),
                    (_("Since"), words.moment(person.created_at, place.zone)),
                ],
                "actions": acts[1:],
            },
        ],
        page={
            "title": person.name,
            "crumbs": [{"label": _("People"), "url": url_for("people.index")}, {"label": person.name}],
            "facts": [person.login, roles_of(person) or _("no role yet")],
            "lamp": {"state": "now", "text": _("account closed")}
            if person.disabled_at
            else {"state": "on", "text": _("signed in")}
            if sessions
            else {"state": "off", "text": _("not signed in")},
            "actions": acts[:1],
        },
        notices=[
            {
                "state": "half",
                "text": _(
                    "A second factor is missing. On a live site this person may do nothing until one is set up."
                ),
                "url": "",
                "action": "",
            }
        ]
        if not person.has_second_factor
        and any(grant.role in policy.NEEDS_SECOND_FACTOR for grant in grants)
        and not person.disabled_at
        else [],
        figures_list=None,
        timeline_filters=None,
        timeline_entries=[
            {
                "at": words.moment(line.at, place.zone),
                "iso": line.at.isoformat(),
                "state": "off",
                "what": trail_words.act(line.act),
                "detail": "; ".join(part for part in (line.actor_name, line.reason or "") if part),
                "value": "",
            }
            for line in history
        ],
        paging=None,
        nothing=_("Nothing was done with this account yet."),
    )


def _crumbs(person: PersonView, last: str) -> list[dict[str, str]]:
    return [
        {"label": _("People"), "url": url_for("people.index")},
        {"label": person.name, "url": url_for("people.show", key=person.key)},
        {"label": last},
    ]


@room.route("/add", methods=["GET", "POST"])
@gate.needs("people.edit")
def add() -> Any:
    services: Services = g.services
    place = places.of_request()
    form = forms.Form(
        page={
            "title": _("Add a person"),
            "crumbs": [{"label": _("People"), "url": url_for("people.index")}, {"label": _("Add a person")}],
        },
        fields=[
            forms.Field(
                "name",
                _("Name"),
                needed=True,
                hint=_("As receipts and the trail show it."),
                attributes={"autocomplete": "off", "maxlength": 120},
            ),
            forms.Field(
                "login",
                _("Sign-in name"),
                needed=True,
                attributes={"autocomplete": "off", "autocapitalize": "none", "maxlength": 64},
            ),
            forms.Field(
                "role",
                _("First role"),
                "choose",
                options=[("", _("none yet")), *_role_options()],
                hint=_("A second manager agrees to it."),
            ),
            forms.Field("reason", _("Why this role"), attributes={"maxlength": 500, "autocomplete": "off"}),
        ],
        submit=_("Add this person"),
        back=url_for("people.index"),
        aside=[
            _(
                "The person gets a first password, which this page shows once and which is changed at the first sign-in."
            )
        ],
    )
    if request.method == "GET":
        return form.show()
    password = "-".join(secrets.token_hex(2) for _index in range(4))
    role = forms.text("role")
    try:
        why = forms.reason() if role else ""
        hashed = passwords.hash_of(password)
        with services.db.writing() as session:
            key = people.add_person(
                session,
                services.clock,
                g.actor,
                login=forms.text("login"),
                name=forms.text("name"),
                site=place.site_key,
                password_hash=hashed,
            )
            if role:
                approvals.ask_role(session, services.clock, g.actor, key, role, place.site_key, reason=why)
    except VendingError as refused:
        return form.show(refused)
    return _once(
        _("Add a person"),
        _(
            "%(name)s can sign in as %(login)s.",
            name=forms.text("name"),
            login=people.login_of(forms.text("login")),
        ),
        password,
        _("A second manager decides on the role.")
        if role
        else _("Ask for a role next; until then this account opens nothing."),
        url_for("people.show", key=key) if EVERYWHERE in g.actor.sites else url_for("people.index"),
    )


def _once(title: str, sentence: str, password: str, then: str, url: str) -> str:
    """A secret that is shown once, on the page that answers the form and nowhere else."""
    return render_template(
        "manager/once.html",
        page={"title": title, "facts": []},
        sentence=sentence,
        label=_("First password, shown this once"),
        secret=password,
        then=then,
        url=url,
    )


def _role_options() -> list[tuple[str, str]]:
    return [(role, words.role_name(role)) for role in policy.ROLES if role not in ("tenant", "API client")]


@room.route("/<key>/role", methods=["GET", "POST"])
@gate.needs("people.grant")
def ask_role(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    person = seen_or_new(key)
    options = [(place.site_key, place.site.name)]
    if EVERYWHERE in policy.sites_where(g.actor, Permission.PEOPLE_GRANT):
        options.append((EVERYWHERE, _("all sites")))
    form = forms.Form(
        page={
            "title": _("Ask for a role"),
            "crumbs": _crumbs(person, _("Ask for a role")),
            "facts": [person.name, roles_of(person) or _("no role yet")],
        },
        fields=[
            forms.Field("role", _("Role"), "choose", options=_role_options(), needed=True),
            forms.Field("site", _("Where"), "choose", options=options, value=place.site_key),
            forms.reason_field(),
            forms.Field(
                "evidence",
                _("What proves it"),
                hint=_("For example the letter of employment and its date."),
                attributes={"maxlength": 400, "autocomplete": "off"},
            ),
        ],
        submit=_("Ask for it"),
        back=url_for("people.show", key=key),
        aside=[_("Another manager decides. Nobody holds two roles of which one watches the other.")],
    )
    if request.method == "GET":
        return form.show()
    try:
        site = forms.text("site")
        if site not in dict(options):
            raise NotFound(_("There is no such site here."))
        why = forms.reason()
        with services.db.writing() as session:
            approvals.ask_role(
                session,
                services.clock,
                g.actor,
                key,
                forms.text("role"),
                site,
                reason=why,
                evidence=forms.text("evidence"),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. Another manager decides on it."), url_for("people.show", key=key))


def seen_or_new(key: str) -> PersonView:
    """A person without any role belongs to no site yet; a manager who may give roles may give him the first one."""
    services: Services = g.services
    with services.db.reading() as session:
        found = next((one for one in people.list_people(session, g.actor) if one.key == key), None)
        if found is None:
            new = people.one_person(session, key)
            found = new if not new.grants else None
    if found is None:
        raise NotFound(_("There is no such person here. Search again by name."))
    return found


def _simple(title: str, submit: str, person: PersonView, act: Any, said: str, *, aside: str = "") -> Any:
    """A form that asks for nothing but the reason."""
    back = url_for("people.show", key=person.key)
    form = forms.Form(
        page={"title": title, "crumbs": _crumbs(person, title), "facts": [person.name, person.login]},
        fields=[forms.reason_field()],
        submit=submit,
        back=back,
        aside=[aside] if aside else [],
    )
    if request.method == "GET":
        return form.show()
    try:
        act(forms.reason())
    except VendingError as refused:
        return form.show(refused)
    return forms.done(said, back)


@room.route("/<key>/roles/<role>/<site>/withdraw", methods=["GET", "POST"])
@gate.needs("people.edit")
def revoke(key: str, role: str, site: str) -> Any:
    services: Services = g.services
    person = seen(key)
    if Grant(role, site) not in person.grants:
        raise NotFound(_("This person does not hold that role there."))

    def act(why: str) -> None:
        with services.db.writing() as session:
            people.revoke_role(session, services.clock, g.actor, key, role, site, reason=why)

    return _simple(
        _("Withdraw the role %(role)s", role=words.role_name(role)),
        _("Withdraw it"),
        person,
        act,
        _("The role is withdrawn. It counts from the next page on."),
    )


@room.route("/<key>/close", methods=["GET", "POST"])
@gate.needs("people.edit")
def disable(key: str) -> Any:
    services: Services = g.services
    person = seen(key)

    def act(why: str) -> None:
        with services.db.writing() as session:
            people.disable_person(session, services.clock, g.actor, key, reason=why)

    return _simple(
        _("Close the account"),
        _("Close the account"),
        person,
        act,
        _("The account is closed and its sessions have ended."),
        aside=_("What this person did stays in the trail under the same name."),
    )


@room.route("/<key>/open", methods=["GET", "POST"])
@gate.needs("people.edit")
def enable(key: str) -> Any:
    services: Services = g.services
    person = seen(key)

    def act(why: str) -> None:
        with services.db.writing() as session:
            people.enable_person(session, services.clock, g.actor, key, reason=why)

    return _simple(
        _("Open the account again"), _("Open the account"), person, act, _("The account is open again.")
    )


@room.route("/<key>/factor", methods=["GET", "POST"])
@gate.needs("people.edit")
def reset_factor(key: str) -> Any:
    services: Services = g.services
    person = seen(key)
    if key == g.actor.key:
        raise NotFound(_("Nobody resets his own second factor. Another manager does."))

    def act(why: str) -> None:
        with services.db.writing() as session:
            people.reset_second_factor(session, services.clock, g.actor, key, reason=why)
        access.reset_guesses(services.db, services.clock, g.actor, key)

    return _simple(
        _("Reset the second factor"),
        _("Reset it"),
        person,
        act,
        _("The second factor is removed; its sessions have ended. A new one is set up at the next sign-in."),
        aside=_("For a lost telephone. Make sure by another way that it is this person who asks."),
    )


@room.route("/<key>/sessions/<session>/end", methods=["GET", "POST"])
@gate.needs("people.edit")
def end_session(key: str, session: str) -> Any:
    services: Services = g.services
    person = seen(key)

    def act(why: str) -> None:
        access.end_session(services.db, services.clock, g.actor, session, reason=why)

    return _simple(_("End a session"), _("End it now"), person, act, _("The session has ended."))


@room.route("/<key>/password", methods=["GET", "POST"])
@gate.needs("people.edit")
def new_password(key: str) -> Any:
    services: Services = g.services
    person = seen(key)
    form = forms.Form(
        page={
            "title": _("Give a first password"),
            "crumbs": _crumbs(person, _("Give a first password")),
            "facts": [person.name],
        },
        fields=[forms.reason_field()],
        submit=_("Make a password"),
        back=url_for("people.show", key=key),
        aside=[
            _("It is shown once and must be changed at the next sign-in. All sessions of this person end.")
        ],
    )
    if request.method == "GET":
        return form.show()
    password = "-".join(secrets.token_hex(2) for _index in range(4))
    try:
        forms.reason()
        hashed = passwords.hash_of(password)
        with services.db.writing() as session:
            people.set_password(session, services.clock, g.actor, key, hashed, must_change=True)
        access.reset_guesses(services.db, services.clock, g.actor, key)
    except VendingError as refused:
        return form.show(refused)
    return _once(
        _("Give a first password"),
        _("%(name)s has a new first password.", name=person.name),
        password,
        _("Tell it to nobody else."),
        url_for("people.show", key=key),
    )
