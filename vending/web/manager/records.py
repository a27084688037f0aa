"""The record of one unit and of one tenant: who, since when, which meters, what happened; and the acts on them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from flask import Blueprint, g, request, url_for

from vending.analytics import sales as analytics
from vending.errors import InvalidInput, VendingError
from vending.estate import browsing, checks, exporting, service
from vending.estate import queries as estate
from vending.estate.views import HistoryLine, SpaceView, TenantView
from vending.ledger import queries as ledger
from vending.money import parse_amount
from vending.services import Services
from vending.tariffs import service as tariffs
from vending.web import forms, gate, listing, places, trail_words, words
from vending.web.manager.estate import crumbs, format_name, lamp_of, may_edit, state_word, tenant_fields
from vending.web.words import _, plural

room = Blueprint("records", __name__, url_prefix="/manager")

_EARLY = datetime(2000, 1, 1, tzinfo=UTC)  # before any sale


def history_entries(lines: list[HistoryLine]) -> list[dict[str, Any]]:
    """What people did with a thing, as entries of a timeline."""
    zone = places.of_request().zone
    return [
        {
            "at": words.moment(line.at, zone),
            "iso": line.at.isoformat(),
            "state": "off",
            "what": trail_words.act(line.act),
            "detail": "; ".join(part for part in (line.actor_name, line.reason or "") if part),
            "value": "",
            "url": "",
        }
        for line in lines
    ]


def one_unit(key: str) -> SpaceView:
    services: Services = g.services
    with services.db.reading() as session:
        space = browsing.one_space(session, key)
    places.refuse_elsewhere(space.site_key)
    return space


def one_tenant(key: str) -> TenantView:
    services: Services = g.services
    with services.db.reading() as session:
        tenant = estate.one_tenant(session, key)
    places.refuse_elsewhere(tenant.site_key)
    return tenant


@room.get("/units/<key>")
@gate.needs("estate.read")
def unit(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    space = one_unit(key)
    with services.db.reading() as session:
        (line,) = browsing.units(session, services.clock, place.site_key, keys=[key])
        leases = estate.leases_of_space(session, key)
        names = {one.tenant_key: estate.one_tenant(session, one.tenant_key).name for one in leases}
        meters = estate.list_meters(
            session, services.clock, browsing.meter_keys(session, place.site_key, space=key)
        )
        history = estate.history(session, f"space:{key}", most=60)
    edits = may_edit()
    current = next((one for one in leases if one.key == line.lease_key), None)
    notices = [
        {
            "state": "half",
            "text": words.refusal(meter.not_for_sale),
            "url": url_for("meters.show", key=meter.key),
            "action": _("Open the meter"),
        }
        for meter in meters
        if meter.not_for_sale
    ]
    return listing.answer_parts(
        "manager/record.html",
        [
            {
                "name": "meters",
                "title": _("Meters"),
                "note": plural("%(num)s meter", "%(num)s meters", len(meters)),
                "columns": [
                    {"name": "number", "label": _("Number")},
                    {"name": "service", "label": _("Service")},
                    {"name": "state", "label": _("State")},
                ],
                "rows": [
                    [
                        {
                            "text": words.meter_number(meter.drn),
                            "url": url_for("meters.show", key=meter.key),
                            "lamp": lamp_of(meter),
                        },
                        words.service_name(meter.service),
                        state_word(meter.state),
                    ]
                    for meter in meters
                ],
                "actions": [{"label": _("Add a meter here"), "url": url_for("meters.add", space=key)}]
                if edits
                else [],
            },
            {
                "title": _("Lease"),
                "pairs_list": [
                    (_("Tenant"), names[current.tenant_key]),
                    (_("Since"), words.date_of(current.starts_on)),
                    (_("Until"), words.date_of(current.ends_on) if current.ends_on else _("no end")),
                    (_("Deposit"), words.total(current.deposit_minor, place.currency)),
                    *(
                        (_("Tariff for %(service)s", service=words.service_name(name).lower()), code)
                        for name, code in sorted(current.tariffs.items())
                    ),
                ]
                if current
                else [(_("Tenant"), _("vacant: nothing is sold here"))],
                "actions": [
                    {
                        "label": _("Open the tenant"),
                        "url": url_for("records.tenant", key=current.tenant_key),
                    },
                    *(
                        [{"label": _("Change a tariff"), "url": url_for("records.set_tariff", key=key)}]
                        if edits
                        else []
                    ),
                    *(
                        [{"label": _("Move out"), "url": url_for("occupancy.move_out", lease=current.key)}]
                        if edits
                        else []
                    ),
                ]
                if current
                else [],
            },
            {
                "name": "tenants",
                "title": _("Who had it"),
                "columns": [
                    {"name": "tenant", "label": _("Tenant")},
                    {"name": "from", "label": _("From")},
                    {"name": "to", "label": _("To")},
                ],
                "rows": [
                    [
                        names[one.tenant_key],
                        words.date_of(one.starts_on),
                        words.day(one.ended_at, place.zone)
                        if one.ended_at
                        else _("now")
                        if one is current
                        else "–",
                    ]
                    for one in leases
                ],
            },
        ],
        page={
            "title": space.code,
            "crumbs": crumbs((_("Units"), url_for("estate.units")), (space.code, "")),
            "facts": [
                format_name(space.format),
                f"{exporting.square_metres(space.area_cm2)} m²",
                " ".join(part for part in (space.building, space.floor) if part),
            ],
            "lamp": {
                "state": "on" if line.tenant else "off",
                "text": line.tenant or _("vacant"),
            },
            "actions": [
                {"label": _("Change"), "url": url_for("records.change_unit", key=key)},
                {"label": _("Move in"), "url": url_for("records.move_in", key=key), "next": True}
                if current is None
                else None,
            ]
            if edits
            else [],
        },
        notices=notices,
        figures_list=None,
        timeline_entries=history_entries(history),
        timeline_filters=None,
        paging=None,
        nothing=_("Nothing was done with this unit yet."),
    )


@room.route("/units/<key>/change", methods=["GET", "POST"])
@gate.needs("estate.edit")
def change_unit(key: str) -> Any:
    services: Services = g.services
    space = one_unit(key)
    form = forms.Form(
        page={"title": _("Change a unit"), "crumbs": crumbs((space.code, url_for("records.unit", key=key)), (_("Change"), ""))},
        fields=[
            forms.Field("code", _("Code"), value=space.code, needed=True, attributes={"maxlength": 20}),
            forms.Field("format", _("Kind"), "choose", value=space.format, options=[(one, format_name(one)) for one in checks.FORMATS]),
            forms.Field("area", _("Area"), value=exporting.square_metres(space.area_cm2), after="m²", attributes={"inputmode": "decimal"}),
        ],
        submit=_("Keep this"),
        back=url_for("records.unit", key=key),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        with services.db.writing() as session:
            service.change_space(
                session,
                services.clock,
                g.actor,
                key,
                code=forms.text("code"),
                format=forms.text("format"),
                area=forms.text("area"),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The unit is changed."), url_for("records.unit", key=key))


def tariff_options(wanted: str) -> list[tuple[str, str]]:
    """The published tariffs of a service, by code and name."""
    services: Services = g.services
    with services.db.reading() as session:
        versions = tariffs.list_versions(session)
    found = {
        one.code: one.name for one in versions if one.state == tariffs.PUBLISHED and one.service == wanted
    }
    return [("", _("none"))] + [(code, f"{name} ({code})") for code, name in sorted(found.items())]


def _day(name: str, *, empty: bool = False) -> date | None:
    typed = forms.text(name)
    if not typed and empty:
        return None
    day = listing.day_of(typed)
    if day is None:
        raise InvalidInput(_("Choose a day, written as 2026-11-20."), name)
    return day


@room.route("/units/<key>/move-in", methods=["GET", "POST"])
@gate.needs("estate.edit")
def move_in(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    space = one_unit(key)
    chosen = request.args.get("tenant", "")
    search = request.args.get("q", "")
    with services.db.reading() as session:
        meters = estate.list_meters(
            session, services.clock, browsing.meter_keys(session, place.site_key, space=key)
        )
        named = browsing.tenants(session, place.site_key, text=search, most=200)
        today = service.today_at(session, services.clock, place.site_key)
    wanted = sorted({meter.service for meter in meters} | {"electricity"})
    form = forms.Form(
        page={
            "title": _("Move in"),
            "crumbs": crumbs((space.code, url_for("records.unit", key=key)), (_("Move in"), "")),
            "facts": [space.code, format_name(space.format)],
        },
        fields=[
            forms.Field("tenant", _("Tenant"), "choose", value=chosen, options=[("", _("choose"))] + [(one.key, f"{one.name} ({one.number})") for one in named], hint=_("Who is not in the list is added first.")),
            forms.Field("starts_on", _("From"), "date", value=today.isoformat(), needed=True),
            forms.Field("ends_on", _("Until"), "date", hint=_("Leave it empty where no end is agreed.")),
            forms.Field("deposit", _("Deposit"), "money", before=place.currency),
            *(
                forms.Field(f"tariff:{name}", _("Tariff for %(service)s", service=words.service_name(name).lower()), "choose", options=tariff_options(name))
                for name in wanted
            ),
        ],
        submit=_("Move in"),
        back=url_for("records.unit", key=key),
        aside=[_("The tariff decides the price. It never changes the meter's key: the tariff index in the key is another thing.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        tenant = forms.text("tenant")
        if not tenant:
            raise InvalidInput(_("Choose who moves in."), "tenant")
        one_tenant(tenant)
        starts, ends = _day("starts_on"), _day("ends_on", empty=True)
        assert starts is not None
        deposit = forms.text("deposit")
        bound = {}
        with services.db.writing() as session:
            for name in wanted:
                code = forms.text(f"tariff:{name}")
                if code:
                    credit = next((one.credit_in for one in meters if one.service == name), "meter")
                    tariffs.check_binding(session, code, service=name, credit_in=credit)
                    bound[name] = code
            service.move_in(
                session,
                services.clock,
                g.actor,
                space=key,
                tenant=tenant,
                starts_on=starts,
                ends_on=ends,
                deposit_minor=parse_amount(deposit, place.currency, field="deposit") if deposit else 0,
                tariffs=bound,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("The tenant has the unit. The till can sell to its meters."), url_for("records.unit", key=key)
    )


@room.route("/units/<key>/tariff", methods=["GET", "POST"])
@gate.needs("estate.edit")
def set_tariff(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    space = one_unit(key)
    with services.db.reading() as session:
        (line,) = browsing.units(session, services.clock, place.site_key, keys=[key])
        lease = next((one for one in estate.leases_of_space(session, key) if one.key == line.lease_key), None)
        meters = estate.list_meters(
            session, services.clock, browsing.meter_keys(session, place.site_key, space=key)
        )
    if lease is None:
        raise InvalidInput(_("The unit is vacant, so no lease names a tariff. Enter who moves in first."))
    wanted = sorted({meter.service for meter in meters} | set(lease.tariffs))
    form = forms.Form(
        page={
            "title": _("Change a tariff"),
            "crumbs": crumbs((space.code, url_for("records.unit", key=key)), (_("Change a tariff"), "")),
            "facts": [space.code, line.tenant or ""],
        },
        fields=[
            *(
                forms.Field(f"tariff:{name}", _("Tariff for %(service)s", service=words.service_name(name).lower()), "choose", value=lease.tariffs.get(name, ""), options=tariff_options(name))
                for name in wanted
            ),
            forms.reason_field(),
        ],
        submit=_("Keep this"),
        back=url_for("records.unit", key=key),
        aside=[_("It counts from the next sale on. It never touches the meter's key, and needs no token.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        why = forms.reason()
        with services.db.writing() as session:
            for name in wanted:
                code = forms.text(f"tariff:{name}")
                if code and code != lease.tariffs.get(name):
                    credit = next((one.credit_in for one in meters if one.service == name), "meter")
                    tariffs.check_binding(session, code, service=name, credit_in=credit)
                    service.set_lease_tariff(
                        session, services.clock, g.actor, lease.key, service=name, tariff=code, reason=why
                    )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("The tariff is changed. It counts from the next sale on."), url_for("records.unit", key=key)
    )


@room.get("/tenants/<key>")
@gate.needs("estate.read")
def tenant(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    view = one_tenant(key)
    now = services.clock.now()
    reads_books = places.can(g.actor, "ledger.read")
    reads_sales = places.can(g.actor, "sale.read")
    with services.db.reading() as session:
        contacts = estate.contacts_of(session, key)
        leases = browsing.leases_of_tenant(session, key)
        meters = estate.meters_of_tenant(session, services.clock, key)
        history = estate.history(session, f"tenant:{key}", most=40)
        balances = (
            ledger.standing(session, [(f"customer/{key}", place.currency), (f"kept/{key}", place.currency)])
            if reads_books
            else []
        )
        debts = ledger.list_under(session, f"debt/{key}/", place.currency) if reads_books else []
        last = (
            analytics.list_sales(
                session,
                analytics.Wanted(site=place.site_key, since=_EARLY, until=now, tenant=key),
                most=8,
            )
            if reads_sales
            else []
        )
    edits = may_edit()
    parts: list[dict[str, Any]] = [
        {
            "name": "units",
            "title": _("Units"),
            "columns": [
                {"name": "unit", "label": _("Unit")},
                {"name": "from", "label": _("From")},
                {"name": "to", "label": _("To")},
            ],
            "rows": [
                [
                    {"text": code, "url": url_for("records.unit", key=lease.space_key)},
                    words.date_of(lease.starts_on),
                    words.day(lease.ended_at, place.zone) if lease.ended_at else "–",
                ]
                for lease, code in leases
            ],
            "note": "" if leases else _("none"),
        },
        {
            "name": "meters",
            "title": _("Meters"),
            "note": "" if meters else _("none"),
            "columns": [
                {"name": "number", "label": _("Number")},
                {"name": "unit", "label": _("Unit")},
                {"name": "service", "label": _("Service")},
            ],
            "rows": [
                [
                    {
                        "text": words.meter_number(meter.drn),
                        "url": url_for("meters.show", key=meter.key),
                        "lamp": lamp_of(meter),
                    },
                    meter.space.code if meter.space else "",
                    words.service_name(meter.service),
                ]
                for meter in meters
            ],
        },
    ]
    if last:
        parts.append(
            {
                "name": "sales",
                "title": _("Last sales"),
                "columns": [
                    {"name": "when", "label": _("When")},
                    {"name": "receipt", "label": _("Receipt")},
                    {"name": "money", "label": _("Money"), "end": True},
                ],
                "rows": [
                    [
                        {"text": words.moment(one.sold_at, place.zone), "value": one.sold_at},
                        {"text": one.receipt, "url": url_for("sales.show", key=one.key)},
                        {
                            "text": words.money(one.total_minor, one.currency),
                            "value": words.plain_money(one.total_minor, one.currency),
                        },
                    ]
                    for one in last
                ],
                "actions": [
                    {"label": _("All sales of this tenant"), "url": url_for("sales.ledger", tenant=key)}
                ],
            }
        )
    if reads_books:
        parts.append(
            {
                "title": _("Money"),
                "pairs_list": [
                    (_("On the account"), words.total(balances[0].balance, place.currency)),
                    (_("Kept for the next purchase"), words.total(balances[1].balance, place.currency)),
                    *(
                        (
                            _("Debt, %(which)s", which=path.split("/")[-1].replace("-", " ")),
                            words.total(owed, place.currency),
                        )
                        for path, owed in debts
                    ),
                ],
            }
        )
    parts.append(
        {
            "name": "people",
            "title": _("People to talk to"),
            "columns": [
                {"name": "name", "label": _("Name")},
                {"name": "telephone", "label": _("Telephone")},
                {"label": ""},
            ],
            "rows": [
                [
                    {"text": one.name, "sub": one.role},
                    one.phone or one.email,
                    {"text": _("Remove"), "url": url_for("records.remove_contact", key=key, contact=one.key)}
                    if edits
                    else "",
                ]
                for one in contacts
            ],
            "note": "" if contacts else _("none"),
            "actions": [{"label": _("Add somebody"), "url": url_for("records.add_contact", key=key)}]
            if edits
            else [],
        }
    )
    return listing.answer_parts(
        "manager/record.html",
        parts,
        page={
            "title": view.name,
            "crumbs": crumbs((_("Tenants"), url_for("estate.tenants")), (view.name, "")),
            "facts": [part for part in (view.number, view.phone, view.email, view.tax_number) if part],
            "actions": [
                {
                    "label": _("Statement, PDF"),
                    "url": url_for("papers.tenant_statement", tenant=key, size="a4"),
                }
                if reads_sales
                else None,
                {"label": _("Change"), "url": url_for("records.change_tenant", key=key)} if edits else None,
            ],
        },
        notices=[],
        figures_list=None,
        timeline_entries=history_entries(history),
        timeline_filters=None,
        paging=None,
        nothing=_("Nothing was done with this tenant yet."),
    )


@room.route("/tenants/<key>/change", methods=["GET", "POST"])
@gate.needs("estate.edit")
def change_tenant(key: str) -> Any:
    services: Services = g.services
    view = one_tenant(key)
    form = forms.Form(
        page={"title": _("Change a tenant"), "crumbs": crumbs((view.name, url_for("records.tenant", key=key)), (_("Change"), ""))},
        fields=tenant_fields(view),
        submit=_("Keep this"),
        back=url_for("records.tenant", key=key),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        with services.db.writing() as session:
            service.change_tenant(
                session,
                services.clock,
                g.actor,
                key,
                **{name: forms.text(name) for name in ("name", "phone", "email", "tax_number", "language")},
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The tenant is changed."), url_for("records.tenant", key=key))


@room.route("/tenants/<key>/contacts/add", methods=["GET", "POST"])
@gate.needs("estate.edit")
def add_contact(key: str) -> Any:
    services: Services = g.services
    view = one_tenant(key)
    form = forms.Form(
        page={"title": _("Add somebody"), "crumbs": crumbs((view.name, url_for("records.tenant", key=key)), (_("Add somebody"), ""))},
        fields=[
            forms.Field("name", _("Name"), needed=True, attributes={"maxlength": 120}),
            forms.Field("role", _("What for"), hint=_("For example: accounts, after hours.")),
            forms.Field("phone", _("Telephone"), "tel"),
            forms.Field("email", _("E-mail"), "email"),
        ],
        submit=_("Add this person"),
        back=url_for("records.tenant", key=key),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        with services.db.writing() as session:
            service.add_contact(
                session,
                services.clock,
                g.actor,
                tenant=key,
                **{name: forms.text(name) for name in ("name", "role", "phone", "email")},
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Added."), url_for("records.tenant", key=key))


@room.route("/tenants/<key>/contacts/<contact>/remove", methods=["GET", "POST"])
@gate.needs("estate.edit")
def remove_contact(key: str, contact: str) -> Any:
    services: Services = g.services
    view = one_tenant(key)
    with services.db.reading() as session:
        found = next((one for one in estate.contacts_of(session, key) if one.key == contact), None)
    if found is None:
        raise forms.gone(_("There is no such person with this tenant."))
    form = forms.Form(
        page={"title": _("Remove %(name)s", name=found.name), "crumbs": crumbs((view.name, url_for("records.tenant", key=key)), (found.name, ""))},
        fields=[],
        submit=_("Remove %(name)s", name=found.name),
        back=url_for("records.tenant", key=key),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    with services.db.writing() as session:
        service.remove_contact(session, services.clock, g.actor, contact)
    return forms.done(_("Removed."), url_for("records.tenant", key=key))
