"""The record of one meter: how it stands, under which key, one line of time of all that happened; and the acts on it.

Everybody who may read the estate reads this page; the acts stand there for those whose permissions hold them. A label or
card that is scanned here is compared with what is known before anything is believed (rules.md 10, 18).
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, render_template, request, url_for

from vending.access import approvals
from vending.access.policy import Permission
from vending.analytics import timeline
from vending.errors import InvalidInput, VendingError
from vending.estate import browsing, checks
from vending.estate import meters as acts
from vending.estate import queries as estate
from vending.estate.views import MeterView
from vending.services import Services
from vending.tariffs import service as tariffs
from vending.web import forms, gate, glossary, labels, listing, places, timelines, words
from vending.web.manager.estate import crumbs, lamp_of, state_word
from vending.web.manager.records import tariff_options
from vending.web.words import _

room = Blueprint("meters", __name__, url_prefix="/manager/meters")

KINDS = ("sale", "token", "key", "ratio", "visit", "act")


def one_meter(key: str) -> MeterView:
    """The meter by its key, at this site; NotFound for one of another site, the same as for none."""
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        found = estate.list_meters(session, services.clock, [key], sites=(place.site_key,))
    if not found:
        raise forms.gone(_("There is no such meter here. Search by number, unit, name or telephone."))
    return found[0]


def may(permission: Permission) -> bool:
    return places.can(g.actor, permission.value)


def key_types() -> dict[int, str]:
    return {0: _("initialisation"), 1: _("default"), 2: _("unique"), 3: _("common")}


@room.get("/<key>")
@gate.needs("estate.read")
def show(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    meter = one_meter(key)
    only = request.args.get("only", "")
    kinds = frozenset({only}) if only in KINDS else None
    if not may(Permission.SALE_READ):
        kinds = (kinds or frozenset(KINDS)) - {"sale", "token"}
    with services.db.reading() as session:
        events = timeline.of_meter(session, key, kinds=kinds)
        keys = estate.key_history(session, key)
        registers = estate.registers_of(session, key)
        parent = estate.parent_meter(session, key)
        above = estate.list_meters(session, services.clock, [parent]) if parent else []
    keying, ratio = meter.keying, meter.ratio
    actions = _actions(meter)
    pairs: list[tuple[str, str]] = [
        (_("Meter number"), words.meter_number(meter.drn)),
        (glossary.labelled(_("PAN"), "pan"), meter.pan),
        (_("Model"), meter.profile),
        (_("Class"), meter.meter_class),
        (
            _("Credit kept"),
            _("in the meter, by token") if meter.credit_in == "meter" else _("on the account"),
        ),
        (_("Tariff"), meter.tariff or _("none named")),
        (_("In service since"), words.moment(meter.commissioned_at, place.zone)),
    ]
    if meter.token_limit_units:
        pairs.append((_("Limit of a token"), words.measure(meter.token_limit_units, meter.service)))
    if meter.power_limit_w:
        pairs.append((_("Power limit"), f"{meter.power_limit_w} W"))
    if above:
        pairs.append((_("Behind"), f"{above[0].label}, {words.meter_number(above[0].drn)}"))
    return render_template(
        "manager/record.html",
        page={
            "title": f"{meter.label or words.meter_number(meter.drn)}, {words.service_name(meter.service).lower()}",
            "crumbs": crumbs(
                (_("Meters"), url_for("estate.meters")),
                *(((meter.space.code, url_for("records.unit", key=meter.space.key)),) if meter.space else ()),
                (words.meter_number(meter.drn), ""),
            ),
            "facts": [
                _("Meter %(number)s", number=words.meter_number(meter.drn)),
                meter.space.code if meter.space else _("without a unit"),
                meter.tenant.name if meter.tenant else _("no tenant"),
            ],
            "lamp": {"state": lamp_of(meter), "text": state_word(meter.state)},
            "actions": actions[:2],
        },
        notices=[{"state": "half", "text": words.refusal(meter.not_for_sale), "url": "", "action": ""}]
        if meter.not_for_sale
        else [],
        figures_list=None,
        parts=[
            {"title": _("The meter"), "pairs_list": pairs, "actions": actions[2:]},
            {
                "title": _("Key"),
                "note": _("never a key, only its figures"),
                "pairs_list": [
                    (glossary.labelled(_("Supply group"), "sgc"), keying.sgc),
                    (glossary.labelled(_("Key revision"), "krn"), str(keying.krn)),
                    (
                        glossary.labelled(_("Kind of key"), "key-type"),
                        key_types().get(keying.key_type, str(keying.key_type)),
                    ),
                    (glossary.labelled(_("Tariff index in the key"), "ti"), keying.ti),
                    (glossary.labelled(_("Algorithm"), "algorithm"), f"EA {keying.ea}, DKGA {keying.dkga}"),
                    (glossary.labelled(_("Token carrier"), "tct"), keying.tct),
                    (glossary.labelled(_("Expiry number"), "ken"), str(keying.ken)),
                    (glossary.labelled(_("Base date"), "base-date"), str(keying.base_date)),
                    (_("Keys held so far"), str(len(keys))),
                ],
            },
            {
                "title": _("Transformers and registers"),
                "pairs_list": [
                    (
                        glossary.labelled(_("Current transformer"), "ratio"),
                        f"{ratio.ct_primary}/{ratio.ct_secondary}",
                    ),
                    (_("Voltage transformer"), f"{ratio.vt_primary}/{ratio.vt_secondary}"),
                    (_("Ratio applied by"), _("the meter") if ratio.applied_by == "meter" else _("the sale")),
                    *((one.name, f"{one.source}, {one.unit}") for one in registers),
                ],
            },
        ],
        timeline_filters=_filters(only),
        timeline_entries=timelines.entries(events),
        paging=None,
        nothing=_("Nothing of this kind happened to this meter yet."),
    )


def _filters(only: str) -> list[dict[str, Any]]:
    names = {
        "": _("all"),
        "sale": _("sales"),
        "token": _("other tokens"),
        "key": _("keys"),
        "ratio": _("ratios"),
        "visit": _("visits"),
        "act": _("people"),
    }
    key = (request.view_args or {}).get("key", "")
    return [
        {"label": label, "url": listing.link("meters.show", key=key, **({"only": name} if name else {})), "current": name == only}
        for name, label in names.items()
    ]  # fmt: skip


def _actions(meter: MeterView) -> list[dict[str, Any]]:
    """What this person may do with this meter now, the most likely first."""

    def link(label: str, endpoint: str) -> dict[str, Any]:
        return {"label": label, "url": url_for(endpoint, key=meter.key)}

    found = []
    if meter.state == "registered" and may(Permission.METER_COMMISSION):
        found.append({**link(_("Commission"), "meters.commission"), "next": True})
    if may(Permission.ESTATE_EDIT):
        if meter.state == "blocked":
            found.append(link(_("Unblock"), "meters.unblock"))
        if meter.state == "in service":
            found.append(link(_("Block for sale"), "meters.block"))
    if may(Permission.METER_COMMISSION):
        found.append(link(_("Compare a label"), "meters.compare"))
        if meter.credit_in == "meter" and meter.space is not None:
            found.append(link(_("Swap the meter"), "occupancy.swap"))
        if meter.state == "removed":
            found.append(link(_("It was seen again"), "occupancy.found"))
    if may(Permission.ESTATE_EDIT):
        found.append(link(_("Own tariff"), "meters.set_tariff"))
        if meter.credit_in == "meter":
            found.append(link(_("Limit of a token"), "meters.token_limit"))
        found.append(link(_("Hang on another unit"), "meters.bind"))
    found.append({"label": _("Open a work order"), "url": url_for("work.open_order", meter=meter.drn)})
    if may(Permission.METER_RATIO):
        found.append(link(_("Transformer ratio"), "meters.ask_ratio"))
    if may(Permission.METER_KEY_DATA):
        found.append(link(_("Record key data"), "meters.key_data"))
    if may(Permission.ESTATE_EDIT) and meter.state != "removed":
        found.append(link(_("Take off the wall"), "meters.remove"))
    return found


def _crumbs(meter: MeterView, last: str) -> list[dict[str, str]]:
    return crumbs((words.meter_number(meter.drn), url_for("meters.show", key=meter.key)), (last, ""))


def _page(meter: MeterView, title: str) -> dict[str, Any]:
    return {
        "title": title,
        "crumbs": _crumbs(meter, title),
        "facts": [
            meter.label,
            meter.space.code if meter.space else _("without a unit"),
            meter.tenant.name if meter.tenant else _("no tenant"),
        ],
    }


def unit_options(first: str) -> list[tuple[str, str]]:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        units = browsing.units(session, services.clock, place.site_key, most=2000)
    return [("", first)] + [
        (one.key, f"{one.code} {one.tenant}" if one.tenant else one.code) for one in units
    ]


NUMBERS = {"krn": (1, 9), "key_type": (0, 3), "ken": (0, 255), "base_date": (1993, 2035)}


def keying_fields(values: dict[str, Any]) -> list[forms.Field]:
    kinds = [(str(number), name) for number, name in key_types().items()]
    return [
        forms.Field("key-head", _("Key figures, as on the label"), "heading"),
        forms.Field("sgc", _("Supply group (SGC)"), value=str(values["sgc"]), attributes={"inputmode": "numeric", "maxlength": 6}),
        forms.Field("krn", _("Key revision (KRN)"), value=str(values["krn"]), attributes={"inputmode": "numeric"}),
        forms.Field("key_type", _("Kind of key"), "choose", value=str(values["key_type"]), options=kinds),
        forms.Field("ti", _("Tariff index (TI)"), value=str(values["ti"]), hint=_("It is part of the key, not the tariff."), attributes={"inputmode": "numeric", "maxlength": 2}),
        forms.Field("ea", _("Encryption algorithm (EA)"), "choose", value=str(values["ea"]), options=[("11", "11 MISTY1"), ("07", "07 STA")]),
        forms.Field("dkga", _("Key derivation (DKGA)"), "choose", value=str(values["dkga"]), options=[("04", "04"), ("02", "02")]),
        forms.Field("tct", _("Token carrier (TCT)"), "choose", value=str(values["tct"]), options=[("02", _("02 keypad")), ("01", _("01 card")), ("07", _("07 virtual"))]),
        forms.Field("ken", _("Key expiry number (KEN)"), value=str(values["ken"]), attributes={"inputmode": "numeric"}),
        forms.Field("base_date", _("Base date"), "choose", value=str(values["base_date"]), options=[("1993", "1993"), ("2014", "2014"), ("2035", "2035")]),
    ]  # fmt: skip


def read_keying() -> dict[str, Any]:
    found: dict[str, Any] = {name: forms.text(name) for name in ("sgc", "ti", "ea", "dkga", "tct")}
    for name, (least, most) in NUMBERS.items():
        found[name] = forms.number(name, name.upper().replace("_", " "), least=least, most=most)
    return found


DEFAULT_KEYING = {"sgc": "", "krn": 1, "key_type": 2, "ti": "01", "ea": "11", "dkga": "04", "tct": "02", "ken": 255, "base_date": 2014}  # fmt: skip


@room.route("/add", methods=["GET", "POST"])
@gate.needs("estate.edit")
def add() -> Any:
    """By the label's record, which fills the figures in, or by typing them."""
    services: Services = g.services
    place = places.of_request()
    values: dict[str, Any] = dict(DEFAULT_KEYING)
    number, refused = "", None
    try:
        record = labels.scanned(request.args.get("record", ""))
        if record is not None:
            number = record.pan
            values |= {
                "sgc": record.sgc,
                "krn": record.krn,
                "ti": record.ti,
                "ea": record.ea,
                "tct": record.tct,
                "dkga": "02" if record.ea == "07" else "04",
            }
    except InvalidInput as wrong:
        refused = wrong
    form = forms.Form(
        page={"title": _("Add a meter"), "crumbs": crumbs((_("Meters"), url_for("estate.meters")), (_("Add a meter"), ""))},
        fields=[
            forms.Field("number", _("Meter number"), value=number, needed=True, hint=_("As it stands on the meter; its check digit is tested."), attributes={"inputmode": "numeric", "autocomplete": "off"}),
            forms.Field("service", _("Service"), "choose", value="electricity", options=[(one, words.service_name(one)) for one in checks.SERVICES]),
            forms.Field("space", _("Unit"), "choose", value=request.args.get("space", ""), options=unit_options(_("none yet"))),
            forms.Field("label", _("Label"), hint=_("What people call it; the unit's code where it is empty."), attributes={"maxlength": 60}),
            forms.Field("credit_in", _("Credit kept"), "segments", value="meter", options=[("meter", _("in the meter")), ("account", _("on the account"))]),
            forms.Field("meter_class", _("Class"), "segments", value="small", options=[("small", _("small")), ("medium", _("medium")), ("large", _("large"))]),
            forms.Field("profile", _("Model"), value="single-phase", attributes={"maxlength": 60}),
            forms.Field("ct", _("Current transformer"), value="1/1", hint=_("1/1 where there is none, or 200/5.")),
            *keying_fields(values),
        ],
        submit=_("Add this meter"),
        back=url_for("estate.meters"),
        aside=[_("It can be sold to once it is commissioned, hangs on a let unit, and a tariff is named.")],
        scan={"action": url_for("meters.add"), "label": _("Scan or type the label's record"), "value": request.args.get("record", ""), "error": words.refusal(refused.sentence) if refused else "", "more": {"space": request.args.get("space", "")}},
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        primary, secondary = read_ratio("ct")
        space = forms.text("space")
        code = dict(unit_options("")).get(space, "").split(" ")[0]
        with services.db.writing() as session:
            key = acts.add_meter(
                session,
                services.clock,
                g.actor,
                site=place.site_key,
                number=forms.text("number"),
                service=forms.text("service"),
                keying=read_keying(),
                space=space or None,
                credit_in=forms.text("credit_in"),
                profile=forms.text("profile"),
                meter_class=forms.text("meter_class"),
                label=forms.text("label") or code,
                ct=(primary, secondary),
            )
    except VendingError as wrong:
        return form.show(wrong)
    return forms.done(_("The meter is registered. Commission it next."), url_for("meters.show", key=key))


def read_ratio(name: str) -> tuple[int, int]:
    parts = forms.text(name).replace(":", "/").split("/")
    if len(parts) != 2 or not all(
        part.strip().isascii() and part.strip().isdigit() and len(part) < 8 for part in parts
    ):
        raise InvalidInput(_("Write a ratio as 200/5, or 1/1 where there is no transformer."), name)
    return int(parts[0]), int(parts[1])


@room.route("/<key>/compare", methods=["GET"])
@gate.needs("meter.commission")
def compare(key: str) -> Any:
    """A label or card against what is known: what differs is said, and nothing is changed by itself."""
    meter = one_meter(key)
    text = request.args.get("record", "")
    sentences: list[str] = []
    refused = None
    try:
        record = labels.scanned(text)
    except InvalidInput as wrong:
        record, refused = None, wrong
    if record is not None:
        sentences = labels.differences(meter, record) or [_("The label says the same as what is known here.")]
    form = forms.Form(
        page={**_page(meter, _("Compare a label")), "intro": " ".join(sentences)},
        fields=[],
        submit="",
        back=url_for("meters.show", key=key),
        scan={"action": url_for("meters.compare", key=key), "label": _("Scan or type the label's record"), "value": text, "error": words.refusal(refused.sentence) if refused else "", "more": {}},
        aside=sentences,
    )  # fmt: skip
    return form.show()


@room.route("/<key>/commission", methods=["GET", "POST"])
@gate.needs("meter.commission")
def commission(key: str) -> Any:
    services: Services = g.services
    meter = one_meter(key)
    form = forms.Form(
        page=_page(meter, _("Commission")),
        fields=[
            forms.Field("record", _("Record of the label"), hint=_("Scan it: what differs from here is said before anything is done."), attributes={"autocomplete": "off"}),
            forms.Field("evidence", _("What was seen at the meter"), "area", needed=True, hint=_("The display test, the key revision that it shows, the seal."), attributes={"maxlength": 400, "rows": 3}),
            forms.Field("factory_credit", _("Credit that the factory left"), after=words.unit_of(meter.service), value="0", attributes={"inputmode": "decimal"}),
            forms.Field("power_limit_w", _("Power limit"), after="W", value=str(meter.power_limit_w or ""), attributes={"inputmode": "numeric"}),
            forms.Field("differs", _("Go on although the label differs"), "tick"),
        ],
        submit=_("Take it into service"),
        back=url_for("meters.show", key=key),
        warning=words.refusal(meter.not_for_sale or ""),
        aside=[
            _("The order: the label, the display test, the key change from the factory's key to yours, the power limit, the first credit."),
        ],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        record = labels.scanned(forms.text("record"))
        if record is not None and not request.form.get("differs"):
            found = labels.differences(meter, record)
            if found:
                raise InvalidInput(
                    " ".join(found) + " " + _("Mend the figures first, or tick that you go on."), "record"
                )
        typed = forms.text("factory_credit").replace(",", ".")
        try:
            credit = round(float(typed or "0") * 10)
        except ValueError:
            raise InvalidInput(_("Type the credit as a number, such as 20 or 0."), "factory_credit") from None
        limit = forms.number("power_limit_w", _("Power limit"), least=1, most=10_000_000, empty=0)
        with services.db.writing() as session:
            acts.commission(
                session,
                services.clock,
                g.actor,
                key,
                evidence=" ".join(forms.text("evidence").split()),
                factory_credit_units=credit,
                power_limit_w=limit or None,
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The meter is in service."), url_for("meters.show", key=key))


def _by_reason(key: str, title: str, submit: str, act: Any, said: str, aside: str = "") -> Any:
    """An act on a meter that asks for nothing but its reason."""
    services: Services = g.services
    meter = one_meter(key)
    form = forms.Form(
        page=_page(meter, title),
        fields=[forms.reason_field()],
        submit=submit,
        back=url_for("meters.show", key=key),
        aside=[aside] if aside else [],
    )
    if request.method == "GET":
        return form.show()
    try:
        why = forms.reason()
        with services.db.writing() as session:
            act(session, services.clock, g.actor, key, reason=why)
    except VendingError as refused:
        return form.show(refused)
    return forms.done(said, url_for("meters.show", key=key))


@room.route("/<key>/block", methods=["GET", "POST"])
@gate.needs("estate.edit")
def block(key: str) -> Any:
    return _by_reason(
        key,
        _("Block for sale"),
        _("Block it"),
        acts.block,
        _("Nothing is sold to this meter now. The till says the reason."),
    )


@room.route("/<key>/unblock", methods=["GET", "POST"])
@gate.needs("estate.edit")
def unblock(key: str) -> Any:
    return _by_reason(key, _("Unblock"), _("Unblock it"), acts.unblock, _("The meter can be sold to again."))


@room.route("/<key>/remove", methods=["GET", "POST"])
@gate.needs("estate.edit")
def remove(key: str) -> Any:
    return _by_reason(
        key,
        _("Take off the wall"),
        _("Take it off for good"),
        acts.remove,
        _("The meter is off the wall. Its number is never sold to again."),
        _("This cannot be undone: the number stays known, so that nobody sells to a meter that is gone."),
    )


@room.route("/<key>/unit", methods=["GET", "POST"])
@gate.needs("estate.edit")
def bind(key: str) -> Any:
    services: Services = g.services
    meter = one_meter(key)
    form = forms.Form(
        page=_page(meter, _("Hang on another unit")),
        fields=[
            forms.Field("space", _("Unit"), "choose", value=meter.space.key if meter.space else "", options=unit_options(_("none"))),
            forms.reason_field(),
        ],
        submit=_("Keep this"),
        back=url_for("meters.show", key=key),
        aside=[_("A meter has one unit. Take it off the old unit first (none), then hang it on the new one.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        why = forms.reason()
        with services.db.writing() as session:
            acts.bind_meter(session, services.clock, g.actor, key, forms.text("space") or None, reason=why)
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The meter's unit is changed."), url_for("meters.show", key=key))


@room.route("/<key>/tariff", methods=["GET", "POST"])
@gate.needs("estate.edit")
def set_tariff(key: str) -> Any:
    services: Services = g.services
    meter = one_meter(key)
    form = forms.Form(
        page=_page(meter, _("Own tariff")),
        fields=[
            forms.Field("tariff", _("Tariff"), "choose", value=meter.own_tariff or "", options=tariff_options(meter.service)),
            forms.reason_field(),
        ],
        submit=_("Keep this"),
        back=url_for("meters.show", key=key),
        aside=[_("It counts where the lease names none. It never touches the tariff index in the key: changing that is a key change, and two more tokens to type.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        why = forms.reason()
        code = forms.text("tariff")
        with services.db.writing() as session:
            if code:
                tariffs.check_binding(session, code, service=meter.service, credit_in=meter.credit_in)
            acts.set_meter_tariff(session, services.clock, g.actor, key, code or None, reason=why)
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The meter's tariff is changed."), url_for("meters.show", key=key))


@room.route("/<key>/token-limit", methods=["GET", "POST"])
@gate.needs("estate.edit")
def token_limit(key: str) -> Any:
    """What the register takes at once: a larger purchase becomes several tokens (rules.md 12)."""
    services: Services = g.services
    meter = one_meter(key)
    units = meter.token_limit_units
    form = forms.Form(
        page=_page(meter, _("Limit of a token")),
        fields=[
            forms.Field("limit", _("The most in one token"), value=f"{units // 10}" if units else "", hint=_("Whole units, as the meter's maker states it. Empty: what a token can carry."), attributes={"inputmode": "numeric", "autocomplete": "off"}),
            forms.reason_field(),
        ],
        submit=_("Keep this"),
        back=url_for("meters.show", key=key),
        aside=[_("A larger purchase becomes several tokens under one order, numbered on the receipt.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        why = forms.reason()
        most = forms.number("limit", _("The most in one token"), least=1, most=1_000_000, empty=0)
        with services.db.writing() as session:
            acts.set_token_limit(session, services.clock, g.actor, key, most * 10 or None, reason=why)
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("The meter's limit is changed."), url_for("meters.show", key=key))


@room.route("/<key>/ratio", methods=["GET", "POST"])
@gate.needs("meter.ratio")
def ask_ratio(key: str) -> Any:
    services: Services = g.services
    place = places.of_request()
    meter = one_meter(key)
    ratio = meter.ratio
    form = forms.Form(
        page=_page(meter, _("Transformer ratio")),
        fields=[
            forms.Field("ct", _("Current transformer"), value=f"{ratio.ct_primary}/{ratio.ct_secondary}", needed=True),
            forms.Field("vt", _("Voltage transformer"), value=f"{ratio.vt_primary}/{ratio.vt_secondary}", needed=True),
            forms.Field("applied_by", _("Applied by"), "segments", value=ratio.applied_by, options=[("meter", _("the meter")), ("vendor", _("the sale"))]),
            forms.reason_field(),
            forms.Field("evidence", _("What proves it"), hint=_("The rating plate, a photo's name, the test sheet."), attributes={"maxlength": 400}),
        ],
        submit=_("Ask for it"),
        back=url_for("meters.show", key=key),
        aside=[_("A wrong ratio sells forty times too much, so a second person agrees to it.")],
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        ct, vt = read_ratio("ct"), read_ratio("vt")
        checks.ratio(ct)
        checks.ratio(vt, "voltage transformer")
        applied = forms.text("applied_by")
        if applied not in ("meter", "vendor"):
            raise InvalidInput(_("The ratio is applied by the meter or by the sale."), "applied_by")
        why = forms.reason()
        with services.db.writing() as session:
            approvals.ask(
                session,
                services.clock,
                g.actor,
                "meter-ratio",
                {"meter": key, "ct": list(ct), "vt": list(vt), "applied_by": applied},
                site=place.site_key,
                subject=f"meter:{key}",
                reason=why,
                evidence=forms.text("evidence"),
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Asked for. Another person decides on it."), url_for("meters.show", key=key))


@room.route("/<key>/key-data", methods=["GET", "POST"])
@gate.needs("meter.key-data")
def key_data(key: str) -> Any:
    services: Services = g.services
    meter = one_meter(key)
    keying = meter.keying
    values = {name: getattr(keying, name) for name in acts.KEY_FIELDS}
    form = forms.Form(
        page=_page(meter, _("Record key data")),
        fields=[
            *keying_fields(values),
            forms.Field("evidence", _("What was seen at the meter"), needed=True, hint=_("The key revision that the display test shows."), attributes={"maxlength": 400}),
            forms.reason_field(),
        ],
        submit=_("Record it"),
        back=url_for("meters.show", key=key),
        warning=_("This only records what the meter is under. It changes no key, and what was before stays in the history."),
    )  # fmt: skip
    if request.method == "GET":
        return form.show()
    try:
        wanted = read_keying()
        changes = {name: value for name, value in wanted.items() if value != values[name]}
        if not changes:
            raise InvalidInput(_("Nothing is different from what is recorded."), "sgc")
        why = forms.reason()
        evidence = forms.text("evidence")
        if len(evidence) < 5:
            raise InvalidInput(_("Say what was seen at the meter."), "evidence")
        with services.db.writing() as session:
            acts.change_key_data(
                session, services.clock, g.actor, key, changes, evidence=evidence, reason=why
            )
    except VendingError as refused:
        return form.show(refused)
    return forms.done(_("Recorded. The next token is made for this key."), url_for("meters.show", key=key))
