"""Sentences and values in the page's language. What a language is stands in `vending/languages.py`; here is which one."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from flask import Flask
from flask_babel import get_locale
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from vending import languages
from vending.languages import (
    MINUS,
    RIGHT_TO_LEFT,
    Tongue,
    clock_time,
    kept_whole,
    tongue,
    unit_of,
)
from vending.money import currency
from vending.refusals import in_language

__all__ = [
    "MINUS",
    "_",
    "clock_time",
    "date_of",
    "day",
    "dress",
    "measure",
    "meter_number",
    "moment",
    "money",
    "number",
    "of_page",
    "plain_money",
    "plural",
    "refusal",
    "role_name",
    "service_name",
    "symbol",
    "total",
    "unit_of",
    "units",
    "waits",
    "way",
    "whole",
]


def meter_number(drn: str) -> str:
    """The groups of the number with spaces that do not break. From right to left a plain space would turn their order round;
    of this one the bidirectional algorithm makes one number (a common separator between digits)."""
    return languages.meter_number(drn).replace(" ", "\u00a0")


def of_page() -> Tongue:
    """The language of the page that is being made; English outside of one."""
    return tongue(str(get_locale() or "en"))


def dress(app: Flask) -> None:
    """Templates say `_("…")` and `ngettext(…)` from the same catalogues as everything else, and keep numbers in their order."""
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.globals.update(gettext=_in_template, ngettext=_plural_in_template)


@pass_context
def _in_template(context: Context, message: str, **values: object) -> str:
    return _filled(context, of_page().template(message), values)


@pass_context
def _plural_in_template(context: Context, one: str, many: str, number: int, **values: object) -> str:
    return _filled(context, of_page().template(one, many, number), {"num": number, **values})


def _filled(context: Context, sentence: str, values: dict[str, object]) -> str:
    """The sentence with its places filled: in HTML what is put in is escaped, unless it is markup."""
    ours = Markup(sentence) if context.eval_ctx.autoescape else sentence  # noqa: S704 - from the code and the catalogues
    return ours % _kept_whole(values)


def _kept_whole(values: dict[str, object]) -> dict[str, object]:
    if of_page().code not in RIGHT_TO_LEFT:
        return values
    return {
        name: type(value)(kept_whole(value)) if isinstance(value, str) else value
        for name, value in values.items()
    }


def _(message: str, **values: object) -> str:
    """The sentence in the page's language."""
    return of_page().speak(message, **values)


def plural(one: str, many: str, number: int, **values: object) -> str:
    """The sentence for this many, in the page's language; `%(num)s` is the number."""
    return of_page().plural(one, many, number, **values)


def refusal(sentence: str) -> str:
    """A refusal in the page's language; it is raised in English."""
    return in_language(of_page(), sentence)


def number(value: Decimal, decimals: int) -> str:
    return of_page().number(value, decimals)


def money(minor: int, code: str) -> str:
    return of_page().money(minor, code)


def total(minor: int, code: str) -> str:
    return of_page().total(minor, code)


def whole(value: float) -> Decimal:
    """A figure without its part, for `number`."""
    return Decimal(round(value))


def symbol(code: str) -> str:
    """The sign that stands before an amount of this currency."""
    return currency(code).symbol


def plain_money(minor: int, code: str) -> str:
    """`1500.00`, for files: the same in every language, without separators."""
    unit = currency(code)
    return f"{Decimal(minor).scaleb(-unit.decimals):.{unit.decimals}f}"


def units(value: int) -> str:
    return of_page().units(value)


def measure(value: int, service: str) -> str:
    """`300.2 kWh`: tenths of a service's unit, with the unit."""
    return of_page().measure(value, service)


def service_name(service: str) -> str:
    return of_page().service_name(service)


def day(moment: datetime, zone: ZoneInfo) -> str:
    return of_page().day(moment, zone)


def soon(moment: datetime, zone: ZoneInfo) -> str:
    return of_page().soon(moment, zone)


def date_of(value: date) -> str:
    return of_page().on(value)


def role_name(role: str) -> str:
    names = {
        "cashier": _("cashier"),
        "supervisor": _("supervisor"),
        "manager": _("manager"),
        "key custodian": _("key custodian"),
        "engineer": _("engineer"),
        "auditor": _("auditor"),
        "tenant": _("tenant"),
        "API client": _("program"),
    }
    return names.get(role, role)


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """`20 Nov 2026, 10:42` at the site; a dash where nothing happened yet."""
    return "–" if at is None else f"{day(at, zone)}, {clock_time(at, zone)}"


def waits(since: datetime, now: datetime) -> str:
    """How long something waits, in the unit that people would say."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 60:
        return plural("waits %(num)s minute", "waits %(num)s minutes", minutes)
    if minutes < 48 * 60:
        return plural("waits %(num)s hour", "waits %(num)s hours", minutes // 60)
    return plural("waits %(num)s day", "waits %(num)s days", minutes // 1440)


def way(name: str) -> str:
    return of_page().way(name)


def reversal_reasons() -> dict[str, str]:
    """Why a sale is taken back (`reversing.WHY`), in the page's language."""
    return {
        "wrong-meter": _("Sold to the wrong meter"),
        "wrong-amount": _("Sold for the wrong amount"),
        "not-accepted": _("The meter does not accept the token"),
        "meter-replaced": _("The meter was replaced"),
        "other": _("Another reason"),
    }


def engineering_acts() -> dict[str, str]:
    """What an engineering token does (`acting.ACTIONS`)."""
    return {
        "clear-tamper": _("Clear tamper"),
        "power-limit": _("Power limit"),
        "clear-credit": _("Clear credit"),
        "phase-unbalance-limit": _("Phase unbalance limit"),
        "meter-test": _("Meter test"),
    }
