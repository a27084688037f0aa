"""The cashier's own shift: open it, move cash to the safe, read it, count it blind, close it; its papers.

No page here shows a sum of the books for a drawer whose count is not locked: not the cash, not what the limit leaves to the
cent. A supervisor sees both on his own pages.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for

from keystore.errors import KeystoreError
from vending.access import policy
from vending.access.policy import Permission
from vending.errors import InvalidInput, VendingError
from vending.money import currency
from vending.services import Services
from vending.shifts import queries, service, slip
from vending.shifts.count import Difference, pieces_of
from vending.shifts.errors import ShiftNotFound
from vending.shifts.limits import limits_of
from vending.shifts.queries import ShiftView
from vending.web import gate, glass, places, printing, words
from vending.web.cashier import counting, witnesses
from vending.web.errors import status_of
from vending.web.frame import local_address
from vending.web.words import _, plural

room = Blueprint("shifts", __name__, url_prefix="/cashier/shifts")


def _own() -> ShiftView | None:
    services: Services = g.services
    with services.db.reading() as session:
        return queries.open_of(session, g.actor.key)


def told(shift: ShiftView) -> dict[str, Any]:
    zone = places.of_request().zone
    return {
        "till": shift.till,
        "person": shift.cashier_name,
        "opened": words.clock_time(shift.opened_at, zone)
        if words.day(shift.opened_at, zone) == words.day(g.services.clock.now(), zone)
        else words.moment(shift.opened_at, zone),
        "drawer": _("Drawer %(name)s", name=shift.drawer.upper()),
        "number": shift.number,
    }


# --- opening, and relief ----------------------------------------------------------------------------------------------


@room.get("/open")
@gate.needs("shift.own")
def opening() -> Any:
    return _opening()


def _opening(refused: VendingError | None = None) -> Any:
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        own = queries.open_of(session, g.actor.key)
        others = queries.list_shifts(session, place.site_key, states=("open",), till=place.till)
        limits = limits_of(session, place.site_key, place.till, g.actor.key)
        people = witnesses.choices(session, place.site_key)
    if own is not None and own.till == place.till and refused is None:
        return redirect(url_for("shifts.show" if own.state == "open" else "shifts.closing"), 303)
    field = refused.field if isinstance(refused, InvalidInput) else ""
    sentence = words.refusal(refused.sentence) if refused is not None else ""
    usual = words.money(limits.float_minor, place.currency) if limits.float_minor else ""
    html = render_template(
        "cashier/shifts/open.html",
        shift={
            "till": _("Till %(till)s", till=place.till),
            "person": g.actor.name,
            "relief": next((one.cashier_name for one in others if one.cashier_key != g.actor.key), ""),
        },
        drawers=[],
        drawer="",
        count=None,
        float={
            "value": request.form.get("float", usual),
            "error": sentence if field in ("float", "amount") else "",
            "currency": currency(place.currency).symbol,
            "hint": _("Usual float: %(money)s. Nothing in the drawer is 0.", money=usual)
            if usual
            else _("Nothing in the drawer is 0."),
        },
        witnesses=people,
        witness=request.form.get("witness", ""),
        witness_error=sentence if field == "witness_secret" else "",
        alone=limits.one_person,
        refused=sentence if field not in ("float", "amount", "witness_secret") else "",
        forgotten={
            "text": _(
                "Your shift of %(day)s at till %(till)s was never closed.",
                day=words.day(own.opened_at, place.zone),
                till=own.till,
            ),
            "url": url_for("shifts.closing"),
        }
        if own is not None
        else None,
        errors_list=[],
        urls={
            "act": url_for("shifts.open_now", next=request.args.get("next", "")),
            "back": url_for("till.desk"),
        },
    )
    return html if refused is None else (html, status_of(refused))


@room.post("/open")
@gate.needs("shift.own")
def open_now() -> Any:
    services: Services = g.services
    place = places.of_request()
    try:
        service.open_shift(
            services.db,
            services.clock,
            g.actor,
            site=place.site_key,
            currency=place.currency,
            till=place.till,
            float_minor=counting.amount("float", place.currency),
            witness=witnesses.of_form(),
        )
    except VendingError as refused:
        return _opening(refused)
    return redirect(local_address(request.args.get("next") or url_for("till.desk")), 303)


# --- during the day ---------------------------------------------------------------------------------------------------


@room.get("")
@gate.needs("shift.own")
def show() -> Any:
    shift = _own()
    if shift is None:
        return redirect(url_for("shifts.opening"), 303)
    if shift.state == "counted":
        return redirect(url_for("shifts.closing"), 303)
    services: Services = g.services
    place = places.of_request()
    with services.db.reading() as session:
        ways = queries.reading(session, shift)
        room_left = queries.room_of(session, shift)
    payments = sum(one.payments for one in ways)
    return render_template(
        "cashier/shifts/shift.html",
        shift={**told(shift), "sales": payments},
        figures_list=[
            {"label": _("Payments"), "value": str(payments)},
            {
                "label": _("To the safe"),
                "value": words.money(shift.dropped_minor, shift.currency),
                "before": currency(shift.currency).symbol,
            },
        ],
        tenders=[[words.way(one.way).capitalize(), str(one.payments)] for one in ways],
        limit=_limit(shift, room_left),
        moves=moves(shift),
        urls={
            "drop": url_for("shifts.dropping"),
            "relief": url_for("auth.sign_in", next=url_for("shifts.opening")),
            "close": url_for("shifts.closing"),
            "back": url_for("till.desk"),
            "print": url_for("shifts.paper", key=shift.key),
            "refunds": url_for("refunds.index"),
            "unclaimed": url_for("refunds.receiving"),
        },
        place=place,
    )


def _limit(shift: ShiftView, room_left: int | None) -> dict[str, Any] | None:
    """How full the drawer is, in tenths of what it may hold: enough to know when to move cash, too little to know the count."""
    most = shift.limits["takings_minor"]
    if not most or room_left is None:
        return None
    tenth = most // 10 or 1
    used = min((most - room_left) // tenth, 10) * tenth
    unit = 10 ** currency(shift.currency).decimals
    full = plural(
        "About one tenth of what this drawer may hold.",
        "About %(num)s tenths of what this drawer may hold.",
        used // tenth,
    )
    return {
        "title": _("Limit of this drawer"),
        "drawing": glass.scale(
            top=most / unit,
            parts=[(0, used / unit, "dry", "")],
            steps=[(most / unit, _("limit"))],
            unit=currency(shift.currency).symbol,
            label=full,
        ),
        "text": full
        + " "
        + (
            _("Move cash to the safe soon: a sale that would pass the limit is refused.")
            if used >= 8 * tenth
            else ""
        ),
    }


def moves(shift: ShiftView) -> list[list[str]]:
    zone = places.of_request().zone
    found = [
        [
            words.clock_time(shift.opened_at, zone),
            _("Float from the safe"),
            ", ".join(name for name in (shift.cashier_name, shift.witness_name) if name),
            words.money(shift.float_minor, shift.currency),
        ]
    ]
    return found + [
        [
            words.clock_time(one.dropped_at, zone),
            _("To the safe, bag %(bag)s", bag=one.bag) if one.bag else _("To the safe"),
            ", ".join(name for name in (shift.cashier_name, one.witness_name) if name),
            words.money(one.amount_minor, shift.currency),
        ]
        for one in shift.drops
    ]


@room.get("/drop")
@gate.needs("shift.own")
def dropping() -> Any:
    shift = _own()
    return _dropping(shift) if shift is not None else redirect(url_for("shifts.opening"), 303)


def _dropping(shift: ShiftView, refused: VendingError | None = None) -> Any:
    services: Services = g.services
    with services.db.reading() as session:
        people = witnesses.choices(session, shift.site_key)
    wrong = refused if isinstance(refused, InvalidInput) else None
    field = wrong.field if wrong is not None else ""
    sentence = words.refusal(refused.sentence) if refused is not None else ""
    beside = field in ("bag", "witness_secret") or str(field).startswith("count-")
    html = render_template(
        "cashier/shifts/drop.html",
        shift=told(shift),
        count=counting.rows(shift.currency, None, wrong=wrong or _typed(refused)),
        witnesses=people,
        witness=request.form.get("witness", ""),
        witness_error=sentence if field == "witness_secret" else "",
        alone=shift.limits["one_person"],
        bag={"value": request.form.get("bag", ""), "error": sentence if field == "bag" else ""},
        refused="" if beside else sentence,
        errors_list=[],
        urls={"act": url_for("shifts.drop_now"), "back": url_for("shifts.show")},
    )
    return html if refused is None else (html, status_of(refused))


def _typed(refused: VendingError | None) -> InvalidInput | None:
    """Any refusal keeps what was typed, whether or not it names a field."""
    return InvalidInput(refused.sentence) if refused is not None else None


@room.post("/drop")
@gate.needs("shift.own")
def drop_now() -> Any:
    services: Services = g.services
    shift = _own()
    if shift is None:
        return redirect(url_for("shifts.opening"), 303)
    try:
        service.drop(
            services.db,
            services.clock,
            g.actor,
            shift.key,
            count=counting.typed(shift.currency, ways=()),
            bag=request.form.get("bag", ""),
            witness=witnesses.of_form(),
        )
    except VendingError as refused:
        return _dropping(shift, refused)
    return redirect(url_for("shifts.show"), 303)


# --- the blind close --------------------------------------------------------------------------------------------------


@room.get("/close")
@gate.needs("shift.own")
def closing() -> Any:
    shift = _own()
    return _closing(shift) if shift is not None else redirect(url_for("shifts.opening"), 303)


def _differences(shift: ShiftView) -> tuple[Difference, ...]:
    services: Services = g.services
    with services.db.reading() as session:
        return queries.differences_of(session, shift)


def _step_of(shift: ShiftView, found: tuple[Difference, ...], asked: str, *, drafted: bool) -> int:
    """Count, confirm, difference. A locked count opens the first two again only for the one recount."""
    again = len(shift.counts) == 1 and any(one.minor for one in found)
    if shift.counts and not (again and asked in ("1", "2")):
        return 3
    return 2 if asked == "2" and drafted else 1


def _closing(shift: ShiftView, refused: VendingError | None = None, *, step: str = "") -> Any:
    services: Services = g.services
    with services.db.reading() as session:
        draft = queries.draft_of(session, shift)
        ways = queries.reading(session, shift)
    found = _differences(shift) if shift.counts else ()
    at = _step_of(shift, found, step or request.args.get("step", ""), drafted=draft is not None)
    wrong = refused if isinstance(refused, InvalidInput) else _typed(refused)
    code = shift.currency
    field = wrong.field if wrong is not None else ""
    sentence = words.refusal(refused.sentence) if refused is not None else ""
    last = shift.counts[-1].count if shift.counts else None
    different = any(one.minor for one in found)
    beyond = any(abs(one.minor) > shift.limits["tolerance_minor"] for one in found)
    in_drawer = max(last.cash_minor - shift.float_minor, 0) if last else 0
    html = render_template(
        "cashier/shifts/close.html",
        step=at,
        shift={**told(shift), "sales": sum(one.payments for one in ways)},
        count=counting.rows(code, draft, wrong=wrong if at == 1 else None),
        tenders=counting.slips(code, draft, wrong=wrong if at == 1 else None)
        if at == 1
        else [
            {"label": words.way(way).capitalize(), "counted": words.total(draft.counted(way), code)}
            for way in ("cash", *counting.SLIPS)
            if draft is not None and (way == "cash" or draft.counted(way))
        ],
        recounted=len(shift.counts) > 1,
        result=[difference(one, code) for one in found] if at == 3 else [],
        reason={
            "needed": different,
            "value": request.form.get("reason", ""),
            "error": sentence if field == "reason" else "",
        },
        supervisor={
            "text": _(
                "Differences above %(money)s are decided by a supervisor. You may go home; the decision waits.",
                money=words.total(shift.limits["tolerance_minor"], code),
            )
        }
        if beyond
        else None,
        slip={
            "bag": request.form.get("bag", ""),
            "amount": request.form.get("deposit", words.money(in_drawer, code)),
            "bag_error": sentence if field == "bag" else "",
            "amount_error": sentence if field in ("deposit", "amount") else "",
        }
        if at == 3 and in_drawer
        else None,
        refused="" if field in ("reason", "bag", "deposit", "amount") or (at == 1 and field) else sentence,
        errors_list=[],
        urls={
            "act": url_for("shifts.close_now"),
            "back": url_for("till.desk"),
            "recount": url_for("shifts.closing", step="1"),
        },
    )
    return html if refused is None else (html, status_of(refused))


def difference(one: Difference, code: str) -> dict[str, str]:
    money = words.total(abs(one.minor), code)
    return {
        "tender": words.way(one.way).capitalize(),
        "counted": words.money(one.counted_minor, code),
        "expected": words.money(one.expected_minor, code),
        "text": _("fits")
        if not one.minor
        else _("%(money)s over", money=money)
        if one.minor > 0
        else _("%(money)s short", money=money),
        "state": "on" if not one.minor else "now",
    }


@room.post("/close")
@gate.needs("shift.own")
def close_now() -> Any:
    services: Services = g.services
    shift = _own()
    if shift is None:
        return redirect(url_for("shifts.opening"), 303)
    act = request.form.get("act", "")
    try:
        if act == "count":
            service.keep_draft(
                services.db, services.clock, g.actor, shift.key, counting.typed(shift.currency)
            )
            return redirect(url_for("shifts.closing", step="2"), 303)
        if act == "lock":
            with services.db.reading() as session:
                draft = queries.draft_of(session, shift)
            if draft is not None:
                service.lock_count(services.db, services.clock, g.actor, shift.key, draft)
            return redirect(url_for("shifts.closing"), 303)
        if act == "close":
            bag = request.form.get("bag", "").strip()
            deposit = counting.amount("deposit", shift.currency) if bag else None
            batch = service.close(
                services.db,
                services.clock,
                g.actor,
                shift.key,
                reason=request.form.get("reason", ""),
                bag=bag,
                deposit_minor=deposit,
            )
            return redirect(
                url_for("shifts.deposit", key=batch) if batch else url_for("shifts.paper", key=shift.key), 303
            )
    except VendingError as refused:
        return _closing(shift, refused, step="1" if act == "count" else "")
    return redirect(url_for("shifts.closing", step="1"), 303)


# --- papers -----------------------------------------------------------------------------------------------------------


def log_head() -> str:
    """Where the issuance log stands, for a paper that goes into a safe; nothing when the module does not answer."""
    services: Services = g.services
    try:
        return services.module.checkpoint().short
    except KeystoreError:
        return ""


def may_see_books(shift: ShiftView) -> bool:
    """The sums of an open drawer are for people who do not count it."""
    if shift.state == "closed":
        return True
    return shift.cashier_key != g.actor.key and policy.allowed(
        g.actor, Permission.SHIFT_OTHERS, shift.site_key
    )


@room.get("/<key>/paper")
@gate.needs("shift.own")
def paper(key: str) -> Any:
    """X or Z of one shift, for its cashier and for those who look after others' shifts."""
    services: Services = g.services
    with services.db.reading() as session:
        shift = queries.one_shift(session, key)
        refuse_stranger(shift)
        ways = queries.reading(session, shift)
        found = queries.differences_of(session, shift) if shift.counts else ()
    content = slip.shift_slip(
        shift,
        ways,
        found,
        printed_at=services.clock.now(),
        blind=not may_see_books(shift),
        log_head=log_head(),
    )
    return render_template(
        "cashier/shifts/paper.html",
        slip=worded(content, ways),
        urls={
            "back": url_for("till.desk") if shift.cashier_key == g.actor.key else url_for("start"),
            "pdf": url_for("papers.shift", key=key, size="80"),
            "agent": printing.button("papers.print_shift", key=key),
        },
    )


def refuse_stranger(shift: ShiftView) -> None:
    places.refuse_elsewhere(shift.site_key)
    if shift.cashier_key != g.actor.key and not policy.allowed(
        g.actor, Permission.SHIFT_OTHERS, shift.site_key
    ):
        raise ShiftNotFound("There is no such shift. Look at the list of shifts.")


def worded(content: slip.ShiftSlip, ways: tuple[queries.WayReading, ...]) -> dict[str, Any]:
    """A shift's paper in the words of this page's language."""
    place = places.of_request()
    code = content.currency
    names = {piece.minor: counting.name_of(piece, code) for piece in pieces_of(code)}
    outcomes = {
        "accept": _("Booked as over or short"),
        "claim": _("Kept for whoever claims it"),
        "charge": _("Charged to the cashier"),
    }
    ended = content.closed_at or content.printed_at
    return {
        "title": _("End of shift (Z)") if content.kind == "Z" else _("Shift so far (X)"),
        "number": content.number,
        "seller": place.site.name,
        "facts": [
            _("Till %(till)s", till=content.till),
            _("Drawer %(name)s", name=content.drawer.upper()),
            content.cashier,
        ],
        "span": f"{words.moment(content.opened_at, place.zone)} – {words.moment(ended, place.zone)}",
        "float": words.money(content.float_minor, code),
        "payments": [
            [
                words.way(one.way).capitalize(),
                str(one.payments),
                words.money(one.sold_minor, code) if content.ways else "",
                words.money(one.back_minor, code) if content.ways and one.back_minor else "",
            ]
            for one in ways
        ],
        "with_sums": bool(content.ways),
        "drops": [
            [
                words.clock_time(at, place.zone),
                ", ".join(text for text in (bag, who) if text),
                words.money(minor, code),
            ]
            for at, minor, bag, who in content.drops
        ],
        "pieces": [
            [names.get(worth, str(worth)), str(number), words.money(worth * number, code)]
            for worth, number in content.pieces
        ],
        "differences": [difference(one, code) for one in content.differences],
        "recounted": content.recounted,
        "reason": content.reason,
        "forgotten": content.forgotten_closed_by,
        "decision": outcomes.get(content.decision, ""),
        "takings": words.total(content.takings_minor, code) if content.kind == "Z" else "",
        "bag": content.bag,
        "one_person": content.one_person,
        "log_head": content.log_head,
    }


@room.get("/deposits/<key>")
@gate.needs("shift.own")
def deposit(key: str) -> Any:
    services: Services = g.services
    with services.db.reading() as session:
        batch = queries.one_batch(session, key)
        places.refuse_elsewhere(batch.site_key)
    if batch.packed_by != g.actor.key:
        policy.require(g.actor, Permission.SHIFT_OTHERS, batch.site_key)
    return render_template(
        "cashier/shifts/deposit.html",
        slip=deposit_words(slip.deposit_slip(batch, log_head=log_head())),
        urls={
            "back": url_for("start"),
            "pdf": url_for("papers.deposit", key=key, size="a5"),
            "agent": printing.button("papers.print_deposit", key=key),
        },
    )


def deposit_words(content: slip.DepositSlip) -> dict[str, Any]:
    place = places.of_request()
    code = content.currency
    names = {piece.minor: counting.name_of(piece, code) for piece in pieces_of(code)}
    amounts = dict(content.amounts)
    rows = [
        [names.get(worth, str(worth)), str(number), words.money(worth * number, code)]
        for worth, number in content.pieces
    ]
    if not rows and amounts.get("cash"):
        rows.append([_("Cash"), "", words.money(amounts["cash"], code)])
    if amounts.get("cheque"):
        rows.append([_("Cheques"), "", words.money(amounts["cheque"], code)])
    return {
        "number": content.number,
        "bag": content.bag,
        "at": words.moment(content.packed_at, place.zone),
        "place": place.site.name,
        "person": content.packed_by,
        "seller": place.site.operator.name,
        "account": "",
        "rows": rows,
        "total": words.total(content.in_bag_minor, code),
        "claims": [
            [words.way(way).capitalize(), words.money(minor, code)]
            for way, minor in content.amounts
            if way not in slip.IN_BAG
        ],
        "words": "",
        "shifts": list(content.shifts),
        "log_head": content.log_head,
    }
