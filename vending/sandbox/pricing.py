"""What the sandbox's meters cost: the real arithmetic of tariffs over made-up facts. Pure, but for its own tariff file."""

from __future__ import annotations

from functools import cache
from importlib import resources

from vending.errors import InvalidInput
from vending.sandbox.meters import ReservedMeter
from vending.tariffs import document
from vending.tariffs.quote import Refused
from vending.tariffs.situation import Debt, Situation
from vending.tariffs.structure import Tariff
from vending.vends import plan
from vending.vends.errors import SaleTooSmall
from vending.vends.plan import Buyer, Planned, VendOrder

VERSION = "sandbox version 1"
KEYING = {"sgc": "999999", "krn": 1, "ti": "01", "ea": "07", "tct": "02"}
MOST_TOKENS = 20


@cache
def tariff() -> Tariff:
    text = resources.files("vending.sandbox").joinpath("tariff.toml").read_text(encoding="utf-8")
    return document.parsed(text).tariff


def price(meter: ReservedMeter, *, money_minor: int | None, units: int | None) -> Planned:
    buyer = _buyer(meter)
    facts = situation(meter)
    quoted = plan.quote(tariff(), facts, buyer, money_minor=money_minor, units=units)
    if isinstance(quoted, Refused):
        raise SaleTooSmall(quoted.sentence, "amount")
    return plan.plan_vend(VendOrder("sandbox", meter.pan, money_minor, units), buyer, quoted, VERSION, facts)


def least_minor(meter: ReservedMeter) -> int:
    quoted = plan.quote(tariff(), situation(meter), _buyer(meter), money_minor=1, units=None)
    return quoted.least_minor or 1 if isinstance(quoted, Refused) else 1


def situation(meter: ReservedMeter) -> Situation:
    debts = (Debt("sandbox/last-year", "Arrears, last year", meter.debt_minor),) if meter.debt_minor else ()
    return Situation(channel="seller", debts=debts)


def slices(meter: ReservedMeter, units: int) -> tuple[int, ...]:
    """The units of each token."""
    if meter.token_limit is None:
        return (units,)
    whole, rest = divmod(units, meter.token_limit)
    if whole > MOST_TOKENS:
        raise InvalidInput(
            f"This meter takes at most {MOST_TOKENS} tokens in one order. Sell less.", "amount"
        )
    return (*(meter.token_limit for _ in range(whole)), *((rest,) if rest else ()))


def _buyer(meter: ReservedMeter) -> Buyer:
    return Buyer(
        meter_key=meter.pan,
        pan=meter.pan,
        service="electricity",
        subclass=0,
        tenant_key=f"{meter.serial:016x}",
        meter_class="",
        keying=KEYING,
        kept_minor=0,
    )
