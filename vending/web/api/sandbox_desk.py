"""The sandbox behind the API: the same answers as a site, produced by the number of the meter. It has no way to the security
module, the ledger or the estate, so nothing real can come of it; what it remembers is what each key has asked."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import sts
from vending.access.errors import ApiKeyTooFast
from vending.errors import NotFound, VendingError
from vending.estate.errors import MeterUnknown
from vending.estate.numbers import pan_of
from vending.payments.sellers import Commission, SellerLimitReached
from vending.sandbox import meters, orders, pricing
from vending.sandbox.meters import ReservedMeter
from vending.sandbox.orders import Kept
from vending.services import Services
from vending.vends.errors import MeterNotForSale, ModuleNotReady, OrderIdReused
from vending.web.api import cursors, masking
from vending.web.api import schemas as s
from vending.web.api.keyring import Caller
from vending.web.refusals import AnswerLost, CurrencyWrong, Fault, OrderUnknown

SLOW_S = 8.0
DECIDED_AFTER_LOOKS = 2
_COMMISSION = Commission(meters.COMMISSION_BASIS_POINTS)
# Each slow answer holds one of the server's threads, which real sales need.
_slow = threading.BoundedSemaphore(2)


class SandboxDesk:
    def __init__(
        self, services: Services, caller: Caller, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._db = services.db
        self._clock = services.clock
        self._client = caller.client
        self._key = caller.client.actor.key
        self._sleep = sleep

    # --- before the sale

    def look_up(self, number: str) -> s.Meter:
        meter = _meter(number)
        position = self._position()
        why_not = _BLOCKED if meter.outcome == "blocked" else None
        return s.Meter(
            number=meter.number,
            pan=meter.pan,
            service="electricity",
            unit="kWh",
            credit_in=meter.credit_in,  # type: ignore[arg-type]  # the table of reserved meters has these two
            place=f"SB-{meter.serial:02d}",
            owner=masking.masked(meter.owner),
            tariff=None if why_not else pricing.VERSION,
            for_sale=why_not is None,
            why_not=why_not,
            currency=meters.CURRENCY,
            minimum_minor=None if why_not else pricing.least_minor(meter),
            maximum_minor=None if why_not else min(self._client.sale_limit_minor, position.remaining_minor),
            maximum_units=None if why_not else meter.token_limit and meter.token_limit * pricing.MOST_TOKENS,
            arrears=[s.Arrears(label="Arrears, last year", owed_minor=meter.debt_minor)]
            if meter.debt_minor
            else [],
            arrears_minor=meter.debt_minor,
            kept_minor=0,
            free_issue_due_units=meter.free_units,
            key_change_due=meter.key_change,
            older_tokens=[],
            keying=s.Keying.model_validate(pricing.KEYING),
            seller=position,
        )

    def quote(self, trial: s.Trial) -> s.Quote:
        meter = _meter(trial.meter)
        if meter.outcome == "blocked":
            raise MeterNotForSale(_BLOCKED)
        planned = pricing.price(meter, **_asked(trial.amount))
        return s.Quote(
            meter=meter.pan,
            service="electricity",
            unit="kWh",
            currency=meters.CURRENCY,
            pays_minor=planned.pays_minor,
            units=planned.units,
            free_units=meter.free_units,
            carried_minor=planned.carried_minor,
            tariff=pricing.VERSION,
            lines=_lines(planned.lines),
            seller=self._position(),
        )

    # --- the sale

    def sell(self, asked: Sequence[s.Order]) -> list[s.Vend | VendingError]:
        answers: list[s.Vend | VendingError] = []
        lost = False
        for order in asked:
            try:
                answers.append(self._sell(order))
            except AnswerLost:
                lost = True
            except VendingError as refused:
                answers.append(refused)
        if lost:
            raise AnswerLost
        return answers

    def _sell(self, order: s.Order) -> s.Vend:
        said = f"{pan_of(order.meter)} {order.amount.model_dump_json()}"
        with self._db.reading() as session:
            known = orders.find(session, self._key, order.order_id)
        if known is not None and known.asked != said:
            raise OrderIdReused(
                "This order id was used for another sale already, so nothing was sold. A new sale needs a new id."
            )
        if known is not None and known.state != orders.TRIED:
            return self._told(known)
        meter = _meter(order.meter)
        if known is None:
            self._refuse_at_first(order, meter, said)
        return self._settle(order, meter, said, first=known is None)

    def _refuse_at_first(self, order: s.Order, meter: ReservedMeter, said: str) -> None:
        """What goes wrong before anything is sold. Some of it only at the first try of an order."""
        if meter.outcome == "blocked":
            raise MeterNotForSale(_BLOCKED)
        if meter.outcome == "limit":
            raise SellerLimitReached(0, meters.CURRENCY)
        if meter.outcome in ("lost-before", "away", "too-fast"):
            with self._db.writing() as session:
                orders.keep(
                    session,
                    self._clock,
                    self._key,
                    order.order_id,
                    pan=meter.pan,
                    asked=said,
                    state=orders.TRIED,
                )
            if meter.outcome == "away":
                raise ModuleNotReady(
                    "Nothing can be sold now, and no money is due: the security module is away."
                )
            if meter.outcome == "too-fast":
                raise ApiKeyTooFast(self._client.calls_a_minute, 1)
            raise AnswerLost

    def _settle(self, order: s.Order, meter: ReservedMeter, said: str, *, first: bool) -> s.Vend:
        planned = pricing.price(meter, **_asked(order.amount))
        position = self._position()
        if planned.pays_minor > position.remaining_minor:
            raise SellerLimitReached(position.remaining_minor, meters.CURRENCY)
        state = {"undecided": "paid", "refused": "refused"}.get(meter.outcome, "issued")
        vend = self._vend(order.order_id, meter, planned)
        with self._db.writing() as session:
            orders.keep(
                session,
                self._clock,
                self._key,
                order.order_id,
                pan=meter.pan,
                asked=said,
                state=state,
                paid_minor=planned.pays_minor,
                told=vend.model_dump(mode="json", exclude={"seller"}),
            )
        if first and meter.outcome == "lost-after":
            raise AnswerLost
        if first and meter.outcome == "fault":
            raise Fault(
                "Something in the program failed. The outcome is not known: ask what became of the order."
            )
        if first and meter.outcome == "slow":
            self._be_slow()
        return self.advise_once(order.order_id)

    def _be_slow(self) -> None:
        if _slow.acquire(blocking=False):
            try:
                self._sleep(SLOW_S)
            finally:
                _slow.release()

    def _vend(self, order_id: str, meter: ReservedMeter, planned: Any) -> s.Vend:
        wanted: list[tuple[str, int | None]] = []
        if meter.key_change:
            wanted += [("key-change", None)] * 2
        if meter.free_units:
            wanted.append(("allowance", meter.free_units))
        if meter.credit_in == "meter":
            wanted += [("credit", units) for units in pricing.slices(meter, planned.units)]
        now = self._clock.now()
        return s.Vend(
            order_id=order_id,
            kind="account" if meter.credit_in == "account" else "credit",
            state="issued",
            receipt=f"{meters.SELLER}-{order_id[:6].upper()}",
            sold_at=now,
            currency=meters.CURRENCY,
            paid_minor=planned.pays_minor,
            meter=meter.pan,
            service="electricity",
            unit="kWh",
            units=planned.units,
            free_units=meter.free_units,
            tariff=pricing.VERSION,
            tokens=[
                s.Token(
                    position=position,
                    kind=kind,
                    digits=meters.digits(self._key, order_id, position),
                    units=units,
                    tid=None,
                )
                for position, (kind, units) in enumerate(wanted, 1)
            ],
            lines=_lines(planned.lines),
            carried_minor=planned.carried_minor,
            returned_minor=0,
            commission_minor=_COMMISSION.of(planned.pays_minor),
            copy_number=0,
            handed_over_at=None,
            refusal=None,
            proof=None,
            seller=None,
        )

    # --- after the sale

    def advise_once(self, order_id: str) -> s.Vend:
        return self._told(self._find(order_id))

    def advise(self, order_id: str) -> s.Vend:
        with self._db.writing() as session:
            orders_seen = orders.look(session, self._key, order_id, decided_after=DECIDED_AFTER_LOOKS)
        if orders_seen is None or orders_seen.state == orders.TRIED:
            raise OrderUnknown
        return self._told(orders_seen)

    def last(self, number: str | None) -> s.Vend:
        with self._db.reading() as session:
            pan = _meter(number).pan if number is not None else None
            found = orders.list_orders(session, self._key, pan=pan, most=1)
        if not found:
            raise NotFound("Nothing has been sold yet that this key may see.")
        return self._told(found[0])

    def list_vends(self, page: s.VendPage) -> s.Vends:
        before = cursors.read("vends", page.cursor, start=-1)
        pan = _meter(page.meter).pan if page.meter is not None else None
        with self._db.reading() as session:
            found = orders.list_orders(
                session, self._key, pan=pan, before=None if before < 0 else before, most=page.limit + 1
            )
        shown = found[: page.limit]
        return s.Vends(
            items=[_vend_of(one, None) for one in shown],
            next=cursors.write("vends", shown[-1].place) if len(found) > page.limit else None,
        )

    def confirm(self, order_id: str) -> s.Vend:
        self._issued(order_id)
        with self._db.writing() as session:
            orders.mark(session, self._key, order_id, handed_over=self._clock.now())
        return self.advise_once(order_id)

    def reprint(self, order_id: str) -> s.Vend:
        self._issued(order_id)
        with self._db.writing() as session:
            orders.mark(session, self._key, order_id, copied=True)
        return self.advise_once(order_id)

    def ask_reversal(self, order_id: str, asked: s.ReversalRequest) -> s.Reversal:
        self._issued(order_id)
        with self._db.writing() as session:
            orders.mark(session, self._key, order_id, reversal=self._clock.now())
        kept = self._find(order_id)
        assert kept.reversal_asked_at is not None, "it was marked just now"
        return s.Reversal(
            order_id=order_id,
            reversal=str(uuid.uuid5(uuid.UUID(order_id), "reversal")),
            state="asked",
            amount_minor=kept.paid_minor,
            currency=meters.CURRENCY,
            credit_note=None,
            asked_at=kept.reversal_asked_at,
        )

    # --- the seller and the site

    def seller(self) -> s.SellerAnswer:
        return s.SellerAnswer(
            code=meters.SELLER, name="Sandbox seller", commission=str(_COMMISSION), position=self._position()
        )

    def position(self) -> s.SellerPosition | None:
        return self._position()

    def _position(self) -> s.SellerPosition:
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        with self._db.reading() as session:
            spent = orders.spent_since(session, self._key, today)
        left = meters.DAILY_DEPOSIT_MINOR - spent
        return s.SellerPosition(
            code=meters.SELLER,
            currency=meters.CURRENCY,
            deposit_minor=left,
            credit_limit_minor=0,
            remaining_minor=left,
            commission_minor=_COMMISSION.of(spent),
        )

    def statement(self, span: s.Span) -> s.SellerStatement:
        with self._db.reading() as session:
            found = orders.list_orders(session, self._key, most=1000)
        rows, balance = [], meters.DAILY_DEPOSIT_MINOR
        for one in reversed(found):
            if span.since <= one.made_at < span.until and one.state != "refused":
                balance -= one.paid_minor
                rows.append(
                    s.StatementRow(
                        at=one.made_at,
                        kind="payment",
                        source=f"sale/{one.order_id}",
                        note="",
                        amount_minor=-one.paid_minor,
                        balance_minor=balance,
                    )
                )
        sold = meters.DAILY_DEPOSIT_MINOR - balance
        earned = sum(_COMMISSION.of(-row.amount_minor) for row in rows)
        return s.SellerStatement(
            code=meters.SELLER,
            name="Sandbox seller",
            currency=meters.CURRENCY,
            since=span.since,
            until=span.until,
            opening_minor=meters.DAILY_DEPOSIT_MINOR,
            paid_in_minor=0,
            sold_minor=sold,
            returned_minor=0,
            other_minor=0,
            closing_minor=balance,
            commission_opening_minor=0,
            commission_earned_minor=earned,
            commission_paid_minor=0,
            commission_closing_minor=earned,
            rows=rows,
        )

    def list_meters(self, page: s.Page) -> s.Meters:
        after = cursors.read("meters", page.cursor)
        found = [one for one in meters.RESERVED if one.serial > after]
        shown = found[: page.limit]
        return s.Meters(
            items=[
                s.MeterRow(
                    key=f"{one.serial:016x}",
                    number=one.number,
                    pan=one.pan,
                    service="electricity",
                    label=one.says,
                    place=f"SB-{one.serial:02d}",
                    tenant=f"{one.serial:016x}",
                    state="blocked" if one.outcome == "blocked" else "in service",
                    credit_in=one.credit_in,
                    tariff="sandbox",
                )
                for one in shown
            ],
            next=cursors.write("meters", shown[-1].serial) if len(found) > page.limit else None,
        )

    def list_tenants(self, page: s.Page) -> s.Tenants:
        after = cursors.read("tenants", page.cursor)
        found = [one for one in meters.RESERVED if one.serial > after]
        shown = found[: page.limit]
        return s.Tenants(
            items=[
                s.TenantRow(
                    key=f"{one.serial:016x}",
                    number=f"SB{one.serial:04d}",
                    name=masking.masked(one.owner),
                    kind="company",
                )
                for one in shown
            ],
            next=cursors.write("tenants", shown[-1].serial) if len(found) > page.limit else None,
        )

    def balances(self, tenant: str) -> s.Balances:
        found = next((one for one in meters.RESERVED if f"{one.serial:016x}" == tenant), None)
        if found is None:
            raise NotFound("There is no such tenant here. Search again by name.")
        debts = {"debt/last-year": found.debt_minor} if found.debt_minor else {}
        return s.Balances(
            tenant=tenant,
            currency=meters.CURRENCY,
            balances=[
                s.Balance(account=account, balance_minor=minor, set_aside_minor=0)
                for account, minor in {"customer": 0, "kept": 0, "deposit": 0, **debts}.items()
            ],
        )

    def status(self) -> s.Status:
        return s.Status(
            ready=True,
            reason="",
            now=self._clock.now(),
            version=sts.__version__,
            sandbox=True,
            site="Sandbox",
            currency=meters.CURRENCY,
            client=self._client.actor.name,
            scopes=sorted(self._client.actor.scopes or ()),
        )

    # --- what they share

    def _find(self, order_id: str) -> Kept:
        with self._db.reading() as session:
            found = orders.find(session, self._key, order_id)
        if found is None or found.state == orders.TRIED:
            raise OrderUnknown
        return found

    def _issued(self, order_id: str) -> None:
        if self._find(order_id).state != "issued":
            raise MeterNotForSale("This order has no token. Ask what became of it.")

    def _told(self, kept: Kept) -> s.Vend:
        return _vend_of(kept, self._position())


_BLOCKED = "This meter is blocked: the sandbox plays a blocked meter. A manager can unblock it."


def _meter(number: str) -> ReservedMeter:
    found = meters.find(pan_of(number))
    if found is None:
        raise MeterUnknown(
            "This meter is not registered here. The sandbox knows its reserved numbers alone: GET /meters."
        )
    return found


def _asked(amount: s.MoneyAmount | s.EnergyAmount) -> dict[str, int | None]:
    if isinstance(amount, s.EnergyAmount):
        return {"money_minor": None, "units": amount.units}
    if amount.currency != meters.CURRENCY:
        raise CurrencyWrong(
            f"The sandbox sells in {meters.CURRENCY}, not in {amount.currency}.", "amount.currency"
        )
    return {"money_minor": amount.money_minor, "units": None}


def _vend_of(kept: Kept, seller: s.SellerPosition | None) -> s.Vend:
    told = {
        **kept.told,
        "state": kept.state,
        "copy_number": kept.copies,
        "handed_over_at": kept.handed_over_at,
    }
    if kept.state != "issued":
        told["tokens"] = []
    if kept.state == "refused":
        told["refusal"] = {
            "code": "sandbox_refused",
            "sentence": "The sandbox plays a refusal after payment.",
        }
    return s.Vend.model_validate({**told, "seller": seller})


def _lines(lines: Sequence[dict[str, Any]]) -> list[s.Line]:
    return [
        s.Line(
            id=one["id"],
            kind=one["kind"],
            label=one["label"],
            amount_minor=one["amount_minor"],
            why=one["why"],
        )
        for one in lines
    ]
