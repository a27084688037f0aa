"""Values as people of the page's language read them: money, energy, numbers of meters, moments."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from flask_babel import get_locale, gettext, ngettext

from vending.money import currency


def _(message: str, **values: object) -> str:
    """The sentence in the page's language."""
    return str(gettext(message, **values))


def plural(one: str, many: str, number: int, **values: object) -> str:
    """The sentence for this many, in the page's language; `%(num)s` is the number."""
    return str(ngettext(one, many, number, **values))


MINUS = "\u2212"
UNITS = {"electricity": "kWh", "water": "kl", "gas": "m³", "cooling": "kWh", "time": "min"}


def number(value: Decimal, decimals: int) -> str:
    text = format_decimal(
        value, format="#,##0" + ("." + "0" * decimals if decimals else ""), locale=get_locale()
    )
    return text.replace("-", MINUS)


def money(minor: int, code: str) -> str:
    """`1,500.00`, without the currency: in columns the currency stands once, on the total."""
    unit = currency(code)
    return number(Decimal(minor).scaleb(-unit.decimals), unit.decimals)


def total(minor: int, code: str) -> str:
    return f"{currency(code).symbol} {money(minor, code)}"


def units(value: int) -> str:
    """Tenths of the service's unit, as the meter shows them."""
    return number(Decimal(value).scaleb(-1), 1)


def unit_of(service: str) -> str:
    return UNITS.get(service, "")


def service_name(service: str) -> str:
    names = {
        "electricity": _("Electricity"),
        "water": _("Water"),
        "gas": _("Gas"),
        "cooling": _("Cooling"),
        "time": _("Time"),
    }
    return names.get(service, service)


def clock_time(moment: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    return moment.astimezone(zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def day(moment: datetime, zone: ZoneInfo) -> str:
    from flask_babel import format_date

    return str(format_date(moment.astimezone(zone).date(), "d MMM y"))


def meter_number(drn: str) -> str:
    """Eleven digits as 4-4-3, the way they stand on the meter."""
    return (
        f"{drn[:4]} {drn[4:8]} {drn[8:]}"
        if len(drn) == 11
        else " ".join(drn[i : i + 4] for i in range(0, len(drn), 4))
    )


def way(name: str) -> str:
    names = {
        "cash": _("cash"),
        "card": _("card"),
        "cheque": _("cheque"),
        "transfer": _("bank transfer"),
        "voucher": _("voucher"),
        "account": _("account"),
    }
    return names.get(name, name)
