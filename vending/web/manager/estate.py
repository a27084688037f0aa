"""The estate: a tree of buildings and floors with a fast search, and the lists of units, tenants and meters.

A floor is opened when it is asked for, so a page of a hundred thousand meters is as short as one of a hundred. The record
of one unit, tenant or meter stands in `records` and `meters`.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from vending.access.policy import Permission
from vending.errors import VendingError
from vending.estate import browsing, checks, exporting, service
from vending.estate import queries as estate
from vending.estate.views import MeterView, TenantView
from vending.services import Services
from vending.web import forms, gate, listing, places, words
from vending.web.listing import Cell, Column
from vending.web.words import _, plural

room = Blueprint("estate", __name__, url_prefix="/manager/estate")

# As many units as are shown at once without choosing a floor.
OPEN_WHOLE = 60


def may_edit() -> bool:
    return places.can(g.actor, Permission.ESTATE_EDIT.value)


def crumbs(*more: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"label": _("Estate"), "url": url_for("estate.tree")},
        *({"label": label, "url": url} for label, url in more),
    ]


@room.get("")
@gate.needs("estate.read")
def tree() -> Any:
    services: Services = g.services
    place = places.of_request()
    text = request.args.get("q", "")
    with services.db.reading() as session:
        floors = browsing.floors(session, services.clock, place.site_key)
        counts = browsing.counts(session, place.site_key)
        chosen = request.args.get("floor", "")
        small = counts["units"] <= OPEN_WHOLE
        units = {
            floor.key: browsing.units(
                session, services.clock, place.site_key, floor=floor.key, most=OPEN_WHOLE * 5
            )
            for floor in floors
            if small or floor.key == chosen
        }
        found = _found(session, services, place.site_key, text) if text.strip() else None
        buildings = browsing.buildings(session, place.site_key)
    nodes = []
    for building in [*buildings, browsing.BuildingLine("", _("Without a building"))]:
        inside = [floor for floor in floors if floor.building_key == building.key]
        if not inside and not building.key:
            continue
        nodes.append(
            {
                "label": building.name,
                "detail": plural("%(num)s unit", "%(num)s units", sum(floor.units for floor in inside)),
                "url": "",
                "open": True,
                "children": [_floor(floor, units.get(floor.key)) for floor in inside]
                or [{"label": _("No floor yet"), "url": url_for("estate.add_floor"), "detail": ""}],
            }
        )
    empty = not counts["units"] and not buildings
    return render_template(
        "manager/estate.html",
        page={
            "title": _("Estate"),
            "facts": [
                plural("%(num)s unit", "%(num)s units", counts["units"]),
                plural("%(num)s tenant", "%(num)s tenants", counts["tenants"]),
                plural("%(num)s meter", "%(num)s meters", counts["meters"]),
            ],
            "actions": [
                {"label": _("Bring in a list"), "url": url_for("imports.start")}
                if places.can(g.actor, Permission.ESTATE_IMPORT.value)
                else None,
                {"label": _("Add a unit"), "url": url_for("estate.add_unit"), "next": not empty}
                if may_edit()
                else None,
            ],
        },
        nodes=nodes,
        found=found,
        filter={
            "action": url_for("estate.tree"),
            "search_label": _("Unit, name, meter or telephone"),
            "search": text,
        },
        detail={
            "title": place.site.name,
            "facts": [place.site.address] if place.site.address else [],
            "pairs_list": [
                (_("Operator"), place.site.operator.name),
                (_("Time zone"), place.site.time_zone),
                (_("Currency"), place.site.currency),
                (_("Meters in service"), str(counts.get("meters in service", 0))),
                (_("Meters to commission"), str(counts.get("meters registered", 0))),
                (_("Meters blocked"), str(counts.get("meters blocked", 0))),
            ],
            "actions": [
                {"label": _("All units"), "url": url_for("estate.units")},
                {"label": _("All tenants"), "url": url_for("estate.tenants")},
                {"label": _("All meters"), "url": url_for("estate.meters")},
                *(
                    [
                        {"label": _("Add a building"), "url": url_for("estate.add_building")},
                        {"label": _("Add a floor"), "url": url_for("estate.add_floor")},
                        {"label": _("Add a tenant"), "url": url_for("estate.add_tenant")},
                        {"label": _("Add a meter"), "url": url_for("meters.add")},
                    ]
                    if may_edit()
                    else []
                ),
                *(
                    [{"label": _("Save whole tables"), "url": url_for("estate.tables")}]
                    if listing.may_save()
                    else []
                ),
            ],
        },
        nothing={
            "title": _("No unit yet"),
            "text": _(
                "Begin with the building and its floors, then the units; or bring in a list of units, tenants and meters from a spreadsheet."
            ),
            "action": _("Add a building") if may_edit() else "",
            "url": url_for("estate.add_building"),
        },
    )


def _floor(floor: browsing.FloorLine, units: list[browsing.UnitLine] | None) -> dict[str, Any]:
    label = floor.name or _("Without a floor")
    detail = _("%(units)s units, %(let)s let", units=floor.units, let=floor.let)
    if units is None:
        return {"label": label, "detail": detail, "url": url_for("estate.tree", floor=floor.key), "lamp": ""}
    return {
        "label": label,
        "detail": detail,
        "url": "",
        "open": True,
        "children": [
            {
                "label": unit.code,
                "detail": unit.tenant or _("vacant"),
                "url": url_for("records.unit", key=unit.key),
                "lamp": "on" if unit.tenant else "off",
            }
            for unit in units
        ]
        or [{"label": _("No unit yet"), "detail": "", "url": url_for("estate.add_unit", floor=floor.key)}],
    }


def _found(session: Any, services: Services, site: str, text: str) -> dict[str, Any]:
    meters = estate.find_meters(session, services.clock, text, sites=(site,), most=20)
    tenants = estate.find_tenants(session, text, sites=(site,), most=10)
    units = browsing.units(session, services.clock, site, text=text.strip(), most=10)
    rows: list[list[Any]] = [
        [
            {"text": unit.code, "url": url_for("records.unit", key=unit.key)},
            unit.tenant or _("vacant"),
            _("unit"),
        ]
        for unit in units
    ]
    rows += [
        [
            {"text": tenant.name, "url": url_for("records.tenant", key=tenant.key)},
            tenant.phone or tenant.number,
            _("tenant"),
        ]
        for tenant in tenants
    ]
    rows += [
        [
            {
                "text": words.meter_number(meter.drn),
                "url": url_for("meters.show", key=meter.key),
                "sub": f"{meter.label} {words.service_name(meter.service)}",
                "lamp": lamp_of(meter),
            },
            meter.tenant.name if meter.tenant else "",
            _("meter"),
        ]
        for meter in meters
    ]
    return {
        "text": plural("%(num)s found", "%(num)s found", len(rows))
        if rows
        else _("Nothing fits. Search by a part of the name, the unit, the telephone or the meter's number."),
        "columns": [{"label": _("What")}, {"label": _("Who")}, {"label": _("Kind")}],
        "rows": rows,
    }


def lamp_of(meter: MeterView) -> str:
    return {"in service": "on", "registered": "half", "blocked": "now"}.get(meter.state, "off")


def state_word(state: str) -> str:
    names = {
        "in service": _("in service"),
        "registered": _("to be commissioned"),
        "blocked": _("blocked"),
        "removed": _("removed"),
    }
    return names.get(state, state)


def format_name(value: str) -> str:
    names = {
        "shop": _("shop"),
        "anchor": _("anchor"),
        "restaurant": _("restaurant"),
        "fast food": _("fast food"),
        "supermarket": _("supermarket"),
        "cinema": _("cinema"),
        "office": _("office"),
        "kiosk": _("kiosk"),
        "bank": _("bank"),
        "clinic": _("clinic"),
        "gym": _("gym"),
        "salon": _("salon"),
        "storage": _("storage"),
        "flat": _("flat"),
        "parking": _("parking"),
        "common area": _("common area"),
        "plant room": _("plant room"),
    }
    return names.get(value, value)


@room.get("/units")
@gate.needs("estate.read")
def units() -> Any:
    services: Services = g.services
    place = places.of_request()
    text, let = request.args.get("q", ""), request.args.get("let", "")
    vacant = {"yes": False, "no": True}.get(let)

    def fetch(offset: int, most: int) -> list[listing.Row]:
        with services.db.reading() as session:
            found = browsing.units(
                session,
                services.clock,
                place.site_key,
                text=text.strip(),
                vacant=vacant,
                offset=offset,
                most=most,
            )
        return [
            [
                Cell(one.code, url=url_for("records.unit", key=one.key), lamp="on" if one.tenant else "off"),
                Cell(one.tenant or _("vacant"), one.tenant or "", url=url_for("records.tenant", key=one.tenant_key) if one.tenant_key else ""),
                Cell(words.date_of(one.since) if one.since else "", one.since or ""),
                Cell(format_name(one.format), one.format),
                Cell(exporting.square_metres(one.area_cm2)),
                Cell(" ".join(part for part in (one.building, one.floor) if part)),
            ]
            for one in found
        ]  # fmt: skip

    return listing.answer(
        listing.Listing(
            name="units",
            page={"title": _("Units"), "crumbs": crumbs((_("Units"), "")), "actions": [{"label": _("Add a unit"), "url": url_for("estate.add_unit"), "next": True}] if may_edit() else []},
            columns=[Column("unit", _("Unit")), Column("tenant", _("Tenant")), Column("since", _("Since")), Column("kind", _("Kind")), Column("area m2", _("Area, m²"), end=True), Column("floor", _("Floor"))],
            fetch=fetch,
            filter={
                "action": url_for("estate.units"),
                "search_label": _("Code, from its beginning"),
                "search": text,
                "choices": [{"name": "let", "label": _("Let"), "chosen": let, "options": [{"value": "", "label": _("all")}, {"value": "yes", "label": _("let")}, {"value": "no", "label": _("vacant")}]}],
            },
            nothing={"title": _("No unit fits"), "text": _("Search by the beginning of its code, or show all of them."), "action": _("Show all units"), "url": url_for("estate.units")},
        )
    )  # fmt: skip


@room.get("/tenants")
@gate.needs("estate.read")
def tenants() -> Any:
    services: Services = g.services
    place = places.of_request()
    text = request.args.get("q", "")

    def fetch(offset: int, most: int) -> list[listing.Row]:
        with services.db.reading() as session:
            found = browsing.tenants(session, place.site_key, text=text, offset=offset, most=most)
        return [
            [
                Cell(one.name, url=url_for("records.tenant", key=one.key)),
                Cell(one.number),
                Cell(", ".join(one.units) or "–", ", ".join(one.units)),
                Cell(one.phone),
                Cell(one.email),
            ]
            for one in found
        ]

    return listing.answer(
        listing.Listing(
            name="tenants",
            page={"title": _("Tenants"), "crumbs": crumbs((_("Tenants"), "")), "actions": [{"label": _("Add a tenant"), "url": url_for("estate.add_tenant"), "next": True}] if may_edit() else []},
            columns=[Column("name", _("Name")), Column("number", _("Number")), Column("units", _("Units")), Column("telephone", _("Telephone")), Column("e-mail", _("E-mail"))],
            fetch=fetch,
            filter={"action": url_for("estate.tenants"), "search_label": _("Name, number or telephone"), "search": text},
            nothing={"title": _("No tenant fits"), "text": _("Search by a part of the name, or add who is new."), "action": _("Add a tenant") if may_edit() else "", "url": url_for("estate.add_tenant")},
        )
    )  # fmt: skip


@room.get("/meters")
@gate.needs("estate.read")
def meters() -> Any:
    services: Services = g.services
    place = places.of_request()
    text, state, kind = (request.args.get(name, "") for name in ("q", "state", "service"))

    def fetch(offset: int, most: int) -> list[listing.Row]:
        with services.db.reading() as session:
            keys = browsing.meter_keys(
                session, place.site_key, text=text, state=state, service=kind, offset=offset, most=most
            )
            found = estate.list_meters(session, services.clock, keys)
        return [
            [
                Cell(words.meter_number(one.drn), one.pan, url=url_for("meters.show", key=one.key), lamp=lamp_of(one)),
                Cell(one.label),
                Cell(one.space.code if one.space else "–", one.space.code if one.space else "", url=url_for("records.unit", key=one.space.key) if one.space else ""),
                Cell(one.tenant.name if one.tenant else "–", one.tenant.name if one.tenant else ""),
                Cell(words.service_name(one.service), one.service),
                Cell(state_word(one.state), one.state, sub=one.blocked_why or ""),
                Cell(one.tariff or "–", one.tariff or ""),
                Cell(f"{one.keying.sgc} · {one.keying.krn}", f"{one.keying.sgc}/{one.keying.krn}"),
            ]
            for one in found
        ]  # fmt: skip

    options = [{"value": "", "label": _("all")}]
    return listing.answer(
        listing.Listing(
            name="meters",
            page={"title": _("Meters"), "crumbs": crumbs((_("Meters"), "")), "actions": [{"label": _("Add a meter"), "url": url_for("meters.add"), "next": True}] if may_edit() else []},
            columns=[Column("number", _("Number")), Column("label", _("Label")), Column("unit", _("Unit")), Column("tenant", _("Tenant")), Column("service", _("Service")), Column("state", _("State")), Column("tariff", _("Tariff")), Column("key", _("Group · revision"))],
            fetch=fetch,
            filter={
                "action": url_for("estate.meters"),
                "search_label": _("Number, unit, name or telephone"),
                "search": text,
                "choices": [
                    {"name": "state", "label": _("State"), "chosen": state, "options": options + [{"value": one, "label": state_word(one)} for one in ("in service", "registered", "blocked", "removed")]},
                    {"name": "service", "label": _("Service"), "chosen": kind, "options": options + [{"value": one, "label": words.service_name(one)} for one in checks.SERVICES]},
                ],
            },
            nothing={"title": _("No meter fits"), "text": _("Search by a part of its number, by unit or by name."), "action": _("Show all meters"), "url": url_for("estate.meters")},
        )
    )  # fmt: skip


@room.get("/tables")
@gate.needs("estate.export")
def tables() -> Any:
    """Every table of the estate, whole, with the columns that an import reads."""
    if name := request.args.get("table", ""):
        return listing.answer_table(name)
    rows = [
        [
            name,
            *(
                {"text": kind.upper(), "url": listing.link("estate.tables", table=name, **{"as": kind})}
                for kind in ("csv", "xlsx")
            ),
        ]
        for name in exporting.tables()
    ]
    return render_template(
        "list.html",
        page={"title": _("Save whole tables"), "crumbs": crumbs((_("Save whole tables"), "")), "intro": _("Units, tenants and meters have the columns that an import reads, so that a saved list can be changed and brought in again.")},
        columns=[{"label": _("Table")}, {"label": "CSV"}, {"label": "XLSX"}],
        rows=rows,
        nothing={"title": "", "text": "", "action": "", "url": ""},
    )  # fmt: skip


# --- acts on places ----------------------------------------------------------------------------------------------------


@room.route("/buildings/add", methods=["GET", "POST"])
@gate.needs("estate.edit")
def add_building() -> Any:
    services: Services = g.services
    place = places.of_request()
    form = forms.Form(
        page={"title": _("Add a building"), "crumbs": crumbs((_("Add a building"), ""))},
        fields=[
            forms.Field("name", _("Name"), needed=True, attributes={"maxlength": 120, "autocomplete": "off"})
        ],
        submit=_("Add this building"),
        back=url_for("estate.tree"),
    )
    if request.method == "GET":
        return form.show()
    try:
        with services.db.writing() as session:
            service.add_building(
                session, services.clock, g.actor, site=place.site_key, name=forms.text("name")
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The building is added. Its floors come next."), url_for("estate.add_floor"))


@room.route("/floors/add", methods=["GET", "POST"])
@gate.needs("estate.edit")
def add_floor() -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        buildings = [(one.key, one.name) for one in browsing.buildings(session, place.site_key)]
    form = forms.Form(
        page={"title": _("Add a floor"), "crumbs": crumbs((_("Add a floor"), ""))},
        fields=[
            forms.Field("building", _("Building"), "choose", options=buildings),
            forms.Field("name", _("Name"), needed=True, attributes={"maxlength": 60, "autocomplete": "off"}),
            forms.Field("level", _("Level"), value="0", hint=_("The ground floor is 0, a basement −1."), attributes={"inputmode": "numeric"}),
        ],
        submit=_("Add this floor"),
        back=url_for("estate.tree"),
        warning="" if buildings else _("There is no building yet. Add one first."),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        level = forms.signed_number(forms.text("level"), most=999)
        if level is None:
            raise forms.unfit(_("A level is a whole number such as 0, 2 or −1."), "level")
        if forms.text("building") not in dict(buildings):
            raise forms.unfit(_("Choose a building of this site."), "building")
        with services.db.writing() as session:
            service.add_floor(
                session,
                services.clock,
                g.actor,
                building=forms.text("building"),
                name=forms.text("name"),
                level=level,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The floor is added."), url_for("estate.tree"))


def floor_options() -> list[tuple[str, str]]:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        floors = browsing.floors(session, services.clock, place.site_key)
    return [("", _("none"))] + [
        (one.key, f"{one.building}, {one.name}") for one in floors if one.key != browsing.NO_FLOOR
    ]


@room.route("/units/add", methods=["GET", "POST"])
@gate.needs("estate.edit")
def add_unit() -> Any:
    services: Services = g.services
    place = places.of_request()
    floors = floor_options()
    form = forms.Form(
        page={"title": _("Add a unit"), "crumbs": crumbs((_("Add a unit"), ""))},
        fields=[
            forms.Field("code", _("Code"), needed=True, hint=_("What people call it, such as G-12."), attributes={"maxlength": 20, "autocomplete": "off"}),
            forms.Field("format", _("Kind"), "choose", value="shop", options=[(one, format_name(one)) for one in checks.FORMATS]),
            forms.Field("area", _("Area"), after="m²", needed=True, attributes={"inputmode": "decimal"}),
            forms.Field("floor", _("Floor"), "choose", value=request.args.get("floor", ""), options=floors),
        ],
        submit=_("Add this unit"),
        back=url_for("estate.tree"),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        if forms.text("floor") not in dict(floors):
            raise forms.unfit(_("Choose a floor of this site."), "floor")
        with services.db.writing() as session:
            key = service.add_space(
                session,
                services.clock,
                g.actor,
                site=place.site_key,
                code=forms.text("code"),
                area=forms.text("area"),
                format=forms.text("format"),
                floor=forms.text("floor") or None,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The unit is added."), url_for("records.unit", key=key))


def tenant_fields(view: TenantView | None = None) -> list[forms.Field]:
    kinds = [("company", _("company")), ("department", _("department")), ("person", _("person"))]
    languages = [
        ("", _("of the site")),
        ("en", "English"),
        ("zh", "中文"),
        ("fr", "Français"),
        ("ar", "العربية"),
    ]
    fields = [
        forms.Field("name", _("Name"), value=view.name if view else "", needed=True, attributes={"maxlength": 120, "autocomplete": "off"}),
        forms.Field("phone", _("Telephone"), "tel", value=view.phone if view else "", hint=_("With its country code: +27 82 555 0123.")),
        forms.Field("email", _("E-mail"), "email", value=view.email if view else ""),
        forms.Field("tax_number", _("Tax number"), value=view.tax_number if view else "", attributes={"autocomplete": "off"}),
        forms.Field("language", _("Language"), "choose", value=view.language if view else "", options=languages),
    ]  # fmt: skip
    if view is None:
        fields.insert(1, forms.Field("kind", _("Kind"), "segments", value="company", options=kinds[::2]))
    return fields


@room.route("/tenants/add", methods=["GET", "POST"])
@gate.needs("estate.edit")
def add_tenant() -> Any:
    services: Services = g.services
    place = places.of_request()
    form = forms.Form(
        page={"title": _("Add a tenant"), "crumbs": crumbs((_("Add a tenant"), ""))},
        fields=tenant_fields(),
        submit=_("Add this tenant"),
        back=url_for("estate.tenants"),
    )
    if request.method == "GET":
        return form.show()
    try:
        with services.db.writing() as session:
            key = service.add_tenant(
                session,
                services.clock,
                g.actor,
                site=place.site_key,
                **{
                    name: forms.text(name)
                    for name in ("name", "kind", "phone", "email", "tax_number", "language")
                },
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(
        _("The tenant is added. Say next which unit is taken."), url_for("records.tenant", key=key)
    )
