"""Tariffs: what is charged, in words; a new version from a file, its difference, and what it would have done last month.

A version is written by one person and published by another (decisions.md D8). Nothing here changes a price: a published
version never changes, and a newer one takes over at its start.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for

from sts import amount as token_amount
from vending.access import approvals
from vending.access.policy import Permission
from vending.analytics import preview
from vending.errors import InvalidInput, NotFound, VendingError
from vending.estate import browsing
from vending.estate import queries as estate
from vending.money import parse_amount
from vending.services import Services
from vending.tariffs import document, service, text
from vending.tariffs.pricing import price_money
from vending.tariffs.quote import Refused
from vending.tariffs.service import Version
from vending.vends import facts
from vending.web import charts, forms, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.words import _, plural

room = Blueprint("tariffs", __name__, url_prefix="/manager/tariffs")

LARGEST_FILE = 256 * 1024


def _states() -> dict[str, tuple[str, str]]:
    return {
        service.DRAFT: ("half", _("draft")),
        service.PUBLISHED: ("on", _("published")),
        service.WITHDRAWN: ("off", _("withdrawn")),
    }


def may_draft() -> bool:
    return places.can(g.actor, Permission.TARIFF_DRAFT.value)


@room.get("")
@gate.needs("tariff.read")
def index() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        versions = service.list_versions(session)
        now = service.list_in_force(session, {one.code for one in versions}, services.clock.now(), place.zone)
    codes: dict[str, list[Version]] = {}
    for one in versions:
        codes.setdefault(one.code, []).append(one)
    rows = []
    for code, all_versions in sorted(codes.items(), key=lambda item: (item[1][-1].service, item[0])):
        last, current = all_versions[-1], now.get(code)
        drafts = sum(one.state == service.DRAFT for one in all_versions)
        rows.append(
            [
                Cell(last.name, url=url_for("tariffs.show", code=code), sub=code),
                Cell(words.service_name(last.service), last.service),
                Cell(str(current.number) if current else _("none"), current.number if current else ""),
                Cell(words.date_of(current.valid_from.date()) if current else "–", current.valid_from.date() if current else ""),
                Cell(str(len(all_versions)), len(all_versions)),
                Cell(plural("%(num)s draft waits", "%(num)s drafts wait", drafts) if drafts else "", drafts, lamp="half" if drafts else ""),
            ]
        )  # fmt: skip
    return listing.answer(
        listing.Listing(
            name="tariffs",
            page={"title": _("Tariffs"), "actions": [{"label": _("Fees"), "url": url_for("fees.index")}, {"label": _("Bring in a version"), "url": url_for("tariffs.draft"), "next": True} if may_draft() else None]},
            columns=[Column("name", _("Tariff")), Column("service", _("Service")), Column("version in force", _("In force")), Column("since", _("Since")), Column("versions", _("Versions"), end=True), Column("drafts", "")],
            fetch=listing.whole(rows),
            nothing={"title": _("No tariff yet"), "text": _("A tariff is a short text file. Write one with the guide beside you, bring it in, and a second person publishes it."), "action": _("Bring in a version") if may_draft() else "", "url": url_for("tariffs.draft")},
        )
    )  # fmt: skip


def _chosen(versions: list[Version], current: Version | None) -> Version:
    wanted = request.args.get("version", "")
    found = next((one for one in versions if one.key == wanted), None)
    if found is not None:
        return found
    drafts = [one for one in versions if one.state == service.DRAFT]
    return drafts[-1] if drafts else current or versions[-1]


def _versions(code: str) -> tuple[list[Version], Version | None]:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        versions = service.list_versions(session, code)
        current = service.list_in_force(session, [code], services.clock.now(), place.zone).get(code)
    if not versions:
        raise NotFound(_("There is no tariff of that code. Choose one from the list."))
    return versions, current


@room.get("/<code>")
@gate.needs("tariff.read")
def show(code: str) -> Any:
    services: Services = g.services
    versions, current = _versions(code)
    version = _chosen(versions, current)
    with services.db.reading() as session:
        changes = service.changes(session, version.key)
        publishers = {
            line.detail.get("version"): line.actor_name
            for line in estate.history(session, f"tariff:{code}")
            if line.act == "tariff.publish"
        }
        asked = [
            one
            for one in approvals.list_requests(session, services.clock, g.actor)
            if one.act.name == "tariff-publish" and one.content.get("version") == version.key and one.state != "expired"
        ]  # fmt: skip
    state, word = _states()[version.state]
    here = url_for("tariffs.show", code=code, version=version.key)
    rows: list[Any] = [
        [
            {"text": _("Version %(number)s", number=one.number), "url": url_for("tariffs.show", code=code, version=one.key)},
            words.date_of(one.valid_from.date()) + (f" – {words.date_of(one.valid_until.date())}" if one.valid_until else ""),
            {"text": _("in force") if current and one.key == current.key else _states()[one.state][1], "lamp": _states()[one.state][0]},
            publishers.get(one.number, ""),
        ]
        for one in reversed(versions)
    ]  # fmt: skip
    return listing.answer_page(
        "manager/tariff.html",
        {
            "versions": (("version", "in force", "state", "published by"), rows),
            "changes": (("line", "before", "after"), [[one.what, one.before, one.after] for one in changes]),
        },
        page={
            "title": version.name,
            "crumbs": [
                {"label": _("Tariffs"), "url": url_for("tariffs.index")},
                {"label": f"{code}, {_('version %(number)s', number=version.number)}"},
            ],
            "facts": [
                words.service_name(version.service),
                version.currency,
                _("version %(number)s", number=version.number),
                _("from %(day)s", day=words.date_of(version.valid_from.date())),
            ],
            "lamp": {"state": state, "text": word},
            "actions": [
                {"label": _("Save it as a file"), "url": url_for("tariffs.as_file", code=code, key=version.key)},
                {"label": _("Withdraw it"), "url": url_for("tariffs.withdraw", code=code, key=version.key)}
                if version.state == service.PUBLISHED and version is not current and may_draft()
                else None,
            ],
        },
        versions=rows,
        sentences=version.text(),
        rules=[],
        diff={
            "title": _("Against the version before"),
            "rows": [
                {"what": change.what, "before": change.before, "after": f"{change.after} ({change.percent:+f} %)" if change.after and change.percent is not None else change.after}
                for change in changes
            ],
        }
        if changes
        else None,
        try_it=_try_it(version, current, here),
        effect=_effect(version, current) if request.args.get("effect") else None,
        effect_url=url_for("tariffs.show", code=code, version=version.key, effect="1")
        if current and current.key != version.key and not request.args.get("effect")
        else "",
        publish=_publish(version, asked),
    )  # fmt: skip


def _publish(version: Version, asked: list[approvals.RequestView]) -> dict[str, Any] | None:
    if version.state != service.DRAFT or not may_draft():
        return None
    closed = ""
    if asked:
        closed = _("Its publication is asked for. Another person decides on it.")
    return {
        "action": url_for("tariffs.ask", code=version.code, key=version.key),
        "closed": closed,
        "closed_url": url_for("approvals.one", key=asked[0].key) if asked else "",
        "warning": _("It prices every sale from %(day)s on.", day=words.date_of(version.valid_from.date())),
    }


def _try_it(version: Version, current: Version | None, here: str) -> dict[str, Any]:
    """A purchase by a customer of this tariff, counted with the chosen version and with the one in force."""
    services: Services = g.services
    place = places.of_request()
    customer, typed = request.args.get("customer", ""), request.args.get("amount", "")
    with services.db.reading() as session:
        keys = browsing.meter_keys(
            session, place.site_key, service=version.service, state="in service", most=1000
        )
        meters = [
            one for one in estate.list_meters(session, services.clock, keys) if one.tariff == version.code
        ][:200]
    found: dict[str, Any] = {
        "action": here,
        "version": version.key,
        "amount": typed,
        "currency": version.currency,
        "customers": [{"value": one.key, "label": f"{one.space.code if one.space else one.label} {one.tenant.name if one.tenant else ''}"} for one in meters],
        "customer": customer,
        "result": None,
        "error": "",
    }  # fmt: skip
    if not typed or not any(one.key == customer for one in meters):
        return found
    try:
        minor = parse_amount(typed, version.currency)
        with services.db.reading() as session:
            known = facts.gather(session, services.clock, customer, place.site, spent=facts.Spent())
        quote = price_money(version.tariff, known.situation, minor, quantise=token_amount.quantise)
        if isinstance(quote, Refused):
            raise InvalidInput(quote.sentence, "amount")
    except VendingError as refused:
        found["error"] = words.refusal(refused.sentence)
        return found
    lines = [{"what": label, "why": why, "amount": shown} for label, shown, why in text.explained(quote, _)]
    now = (
        price_money(current.tariff, known.situation, minor, quantise=token_amount.quantise)
        if current and current.key != version.key
        else None
    )
    found["result"] = {
        "lines": lines,
        "total": {"what": words.measure(quote.units, version.service), "why": "", "amount": words.total(quote.paid_minor, version.currency)},
        "before_total": ""
        if now is None or isinstance(now, Refused)
        else _("The version in force gives %(units)s for the same money.", units=words.measure(now.units, version.service)),
    }  # fmt: skip
    return found


def _last_month() -> tuple[datetime, datetime]:
    services: Services = g.services
    place = places.of_request()
    until = datetime.combine(
        services.clock.now().astimezone(place.zone).date() + timedelta(days=1), time(), place.zone
    )
    return until - timedelta(days=31), until


def _effect(version: Version, current: Version | None) -> dict[str, Any] | None:
    if current is None:
        return None
    services: Services = g.services
    place = places.of_request()
    since, until = _last_month()
    with services.db.reading() as session:
        found = preview.replay(session, current, version, place.site_key, since, until)
    code = version.currency
    if not found.orders:
        return {
            "sentence": _(
                "Nothing was sold by this tariff in the last month, so there is nothing to count again."
            ),
            "svg": "",
            "columns": [],
            "rows": [],
            "csv": "",
        }
    rows = [
        [
            one.tenant or "–",
            words.units(one.units),
            words.money(one.before_minor, code),
            words.money(one.after_minor, code),
            signed(one.change_minor, code),
            f"{one.percent:+.1f} %".replace("-", words.MINUS),
        ]
        for one in found.tenants
    ]
    change = found.after_minor - found.before_minor
    share = 100 * change / found.before_minor if found.before_minor else 0.0
    losers = sum(one.change_minor > 0 for one in found.tenants)
    winners = sum(one.change_minor < 0 for one in found.tenants)
    parts = [
        _(
            "The same energy of the last 31 days would have cost %(after)s instead of %(before)s: %(change)s, %(share)s.",
            after=words.total(found.after_minor, code),
            before=words.total(found.before_minor, code),
            change=signed(change, code),
            share=f"{share:+.1f} %".replace("-", words.MINUS),
        ),
        _("%(losers)s tenants pay more, %(winners)s pay less.", losers=losers, winners=winners),
    ]
    if found.cut:
        parts.append(_("Only the newest %(number)s orders were counted.", number=found.orders))
    parts += [
        _("%(number)s orders could not be counted: %(why)s", number=count, why=why)
        for why, count in found.skipped
    ]
    largest = sorted(found.tenants, key=lambda one: -abs(one.change_minor))[:8]
    return {
        "sentence": " ".join(parts),
        "svg": charts.bars(
            [
                (one.tenant[:12] or "–", abs(one.change_minor) / 100, signed(one.change_minor, code))
                for one in largest
            ],
            label=parts[0],
        ),
        "columns": [
            {"label": _("Tenant")},
            {"label": _("Energy"), "end": True},
            {"label": _("Now"), "end": True},
            {"label": _("Then"), "end": True},
            {"label": _("Change"), "end": True},
            {"label": "%", "end": True},
        ],
        "rows": rows,
        "csv": url_for("tariffs.effect", code=version.code, key=version.key, **_CSV)
        if listing.may_save()
        else "",
    }


_CSV: dict[str, Any] = {"as": "csv"}


def signed(minor: int, code: str) -> str:
    return ("+" if minor > 0 else "") + words.money(minor, code)


@room.get("/<code>/<key>/effect")
@gate.needs("tariff.read")
def effect(code: str, key: str) -> Any:
    """The whole preview as a table of its own, to be searched by eye and saved."""
    services: Services = g.services
    place = places.of_request()
    versions, current = _versions(code)
    version = next((one for one in versions if one.key == key), None)
    if version is None or current is None:
        raise NotFound(_("There is no such version of this tariff."))
    since, until = _last_month()
    with services.db.reading() as session:
        found = preview.replay(session, current, version, place.site_key, since, until)
    rows = [
        [
            Cell(
                one.tenant or "–", url=url_for("records.tenant", key=one.tenant_key) if one.tenant_key else ""
            ),
            Cell(str(one.orders), one.orders),
            Cell(words.units(one.units), f"{one.units / 10:.1f}"),
            Cell(
                words.money(one.before_minor, version.currency),
                words.plain_money(one.before_minor, version.currency),
            ),
            Cell(
                words.money(one.after_minor, version.currency),
                words.plain_money(one.after_minor, version.currency),
            ),
            Cell(
                signed(one.change_minor, version.currency),
                words.plain_money(one.change_minor, version.currency),
            ),
            Cell(f"{one.percent:+.1f} %".replace("-", words.MINUS), f"{one.percent:.1f}"),
        ]
        for one in found.tenants
    ]
    title = _("What version %(number)s would have done", number=version.number)
    return listing.answer(
        listing.Listing(
            name=f"tariff-effect-{code}-{version.number}",
            page={"title": title, "crumbs": [{"label": _("Tariffs"), "url": url_for("tariffs.index")}, {"label": version.name, "url": url_for("tariffs.show", code=code, version=key)}, {"label": title}]},
            columns=[Column("tenant", _("Tenant")), Column("orders", _("Orders"), end=True), Column("energy", _("Energy"), end=True), Column("now", _("Now"), end=True), Column("then", _("Then"), end=True), Column("change", _("Change"), end=True), Column("percent", "%", end=True)],
            fetch=listing.whole(rows),
            sums=[_("Sum"), str(found.orders), "", words.money(found.before_minor, version.currency), words.money(found.after_minor, version.currency), signed(found.after_minor - found.before_minor, version.currency), ""],
            nothing={"title": _("Nothing to count again"), "text": _("Nothing was sold by this tariff in the last month."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.get("/<code>/<key>.toml")
@gate.needs("tariff.read")
def as_file(code: str, key: str) -> Response:
    """The version as a tariff file, ready to be changed and brought in again."""
    versions, _current = _versions(code)
    version = next((one for one in versions if one.key == key), None)
    if version is None:
        raise NotFound(_("There is no such version of this tariff."))
    name = f"{code}-{version.number}.toml"
    return Response(
        document.written(version.document),
        mimetype="application/toml",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@room.route("/draft", methods=["GET", "POST"])
@gate.needs("tariff.draft")
def draft() -> Any:
    services: Services = g.services
    typed, refused = "", None
    if request.method == "POST":
        try:
            typed = _given()
            with services.db.writing() as session:
                version = service.draft(session, services.clock, typed, actor=g.actor)
        except VendingError as wrong:
            refused = wrong
        else:
            return forms.done(
                _("Version %(number)s is kept as a draft. Read it, try it, then ask for its publication.", number=version.number),
                url_for("tariffs.show", code=version.code, version=version.key),
            )  # fmt: skip
    html = render_template(
        "manager/tariff_draft.html",
        page={
            "title": _("Bring in a version"),
            "crumbs": [{"label": _("Tariffs"), "url": url_for("tariffs.index")}, {"label": _("Bring in a version")}],
            "intro": _("A tariff is a text file. Save the version in force from its page, change it, and bring it in here: it becomes a draft, and prices nothing until two people have published it."),
        },
        form={"action": url_for("tariffs.draft"), "text": typed, "error": words.refusal(refused.sentence) if refused else ""},
    )  # fmt: skip
    return html if refused is None else (html, 422)


def _given() -> str:
    file = request.files.get("file")
    if file is not None and file.filename:
        raw = file.stream.read(LARGEST_FILE + 1)
        if len(raw) > LARGEST_FILE:
            raise InvalidInput(_("A tariff file is a few kilobytes. This one is too large."), "file")
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidInput(_("The file is not text in UTF-8. Save it as plain text."), "file") from None
    said = request.form.get("text", "")
    if not said.strip():
        raise InvalidInput(_("Choose a file, or paste its text."), "text")
    return said[:LARGEST_FILE]


@room.post("/<code>/<key>/publish")
@gate.needs("tariff.draft")
def ask(code: str, key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    versions, _current = _versions(code)
    version = next((one for one in versions if one.key == key), None)
    if version is None:
        raise NotFound(_("There is no such version of this tariff."))
    if version.state != service.DRAFT:
        raise InvalidInput(_("Only a draft is published."))
    with services.db.writing() as session:
        approvals.ask(
            session,
            services.clock,
            g.actor,
            "tariff-publish",
            {"version": version.key, "hash": version.hash},
            site=place.site_key,
            subject=f"tariff:{code}",
            reason=forms.reason(),
        )
    return forms.done(
        _("Asked for. Another person publishes it."), url_for("tariffs.show", code=code, version=key)
    )


@room.route("/<code>/<key>/withdraw", methods=["GET", "POST"])
@gate.needs("tariff.draft")
def withdraw(code: str, key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    versions, _current = _versions(code)
    version = next((one for one in versions if one.key == key), None)
    if version is None:
        raise NotFound(_("There is no such version of this tariff."))
    back = url_for("tariffs.show", code=code, version=key)
    form = forms.Form(
        page={"title": _("Withdraw version %(number)s", number=version.number), "crumbs": [{"label": version.name, "url": back}, {"label": _("Withdraw it")}]},
        fields=[forms.reason_field()],
        submit=_("Withdraw it"),
        back=back,
        aside=[_("Only a version that is not in force yet can be withdrawn. The version before it goes on.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        why = forms.reason()
        with services.db.writing() as session:
            service.withdraw(session, services.clock, key, actor=g.actor, reason=why, zone=place.zone)
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The version is withdrawn."), back)
