"""Tariffs as readable TOML files: import, export, and the canonical text that is hashed and approved.

A file says everything that a version holds, and nothing else: an unknown word is refused, because a misspelt `upto`
would otherwise sell at the wrong price. Percentages carry their sign ("15 %"), numbers are exact decimals. Reading what
was written gives the same value back; comments are for people and are not kept by the export.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from vending.errors import InvalidInput
from vending.money import currency
from vending.tariffs.calendar import Calendar, PeriodRule, Season
from vending.tariffs.charges import (
    DEDUCTIONS,
    KIND_OF,
    KINDS,
    AnyCharge,
    AnyDeduction,
    Block,
    FreeAllowance,
    IncludedTax,
    Percent,
)
from vending.tariffs.errors import (
    FieldMissing,
    FieldUnknown,
    FileNotUnderstood,
    PercentLooksLikeFraction,
    TariffInvalid,
    ValidityInvalid,
)
from vending.tariffs.structure import Tariff

LARGEST_FILE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """A tariff with its validity: wall-clock time of the site, half open. Without an end it holds until the next one."""

    tariff: Tariff
    valid_from: datetime
    valid_until: datetime | None = None

    def __post_init__(self) -> None:
        for moment in (self.valid_from, self.valid_until):
            if moment is not None and moment.tzinfo is not None:
                raise ValidityInvalid(
                    "Write validity in the site's own time, without a zone, such as 2026-07-01.", "valid_from"
                )
        if self.valid_until is not None and self.valid_until <= self.valid_from:
            raise ValidityInvalid(
                f"The tariff would end ({self.valid_until}) before it begins ({self.valid_from}).",
                "valid_until",
            )

    def hash(self) -> str:
        """What an approval is given for: the SHA-256 of the canonical text."""
        return hashlib.sha256(written(self).encode()).hexdigest()


HEAD = ("code", "name", "service", "unit", "currency", "decimals", "counter", "counts_free", "rounding")
_TOP = {
    *HEAD, "minor_digits", "most_months_due", "least_purchase", "most_purchase", "note", "valid_from", "valid_until",
    "charge", "included_tax", "deduction", "free", "calendar",
}  # fmt: skip


def parsed(text: str) -> Document:
    """The document in a TOML text."""
    if len(text) > LARGEST_FILE:
        raise FileNotUnderstood(f"A tariff file has at most {LARGEST_FILE // 1024} KiB; this one is larger.")
    try:
        top = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise FileNotUnderstood(f"This is not a TOML file: {error}. Compare it with an example.") from None
    except RecursionError:
        raise FileNotUnderstood("This file is nested deeper than any tariff.") from None
    _refuse_unknown("tariff", top, _TOP)
    head: dict[str, Any] = {}
    for name in ("code", "name", "service", "unit", "currency"):
        head[name] = _text(_needed("tariff", top, name), name)
    for name, reader in (("counter", _text), ("rounding", _text), ("note", _text), ("counts_free", _flag)):
        if name in top:
            head[name] = reader(top[name], name)
    for name in ("decimals", "most_months_due"):
        if name in top:
            head[name] = _count(top[name], name)
    for name in ("least_purchase", "most_purchase"):
        if name in top:
            head[name] = _number(top[name], name)
    head["minor_digits"] = (
        _count(top["minor_digits"], "minor_digits")
        if "minor_digits" in top
        else currency(head["currency"]).decimals
    )
    tariff = Tariff(
        **head,
        charges=tuple(_charge(table) for table in _tables(top, "charge")),
        included=tuple(_filled(IncludedTax, table, "included_tax") for table in _tables(top, "included_tax")),
        deductions=tuple(_deduction(table) for table in _tables(top, "deduction")),
        allowance=_filled(FreeAllowance, _table(top["free"], "free"), "free") if "free" in top else None,
        calendar=_calendar(_table(top["calendar"], "calendar")) if "calendar" in top else None,
    )
    until = top.get("valid_until")
    return Document(
        tariff,
        _moment(_needed("tariff", top, "valid_from"), "valid_from"),
        None if until is None else _moment(until, "valid_until"),
    )


def written(document: Document) -> str:
    """The canonical TOML text: one order, one spelling, so that two equal tariffs are the same bytes."""
    tariff = document.tariff
    lines = [f"{name} = {_toml(getattr(tariff, name))}" for name in HEAD]
    lines.append(f"minor_digits = {tariff.minor_digits}")
    for name, usual in (
        ("most_months_due", None),
        ("least_purchase", Decimal(0)),
        ("most_purchase", None),
        ("note", ""),
    ):
        value = getattr(tariff, name)
        if value != usual:
            lines.append(f"{name} = {_toml(value)}")
    lines.append(f"valid_from = {document.valid_from.isoformat()}")
    if document.valid_until is not None:
        lines.append(f"valid_until = {document.valid_until.isoformat()}")
    for charge in tariff.charges:
        lines += ["", "[[charge]]", f'kind = "{KIND_OF[type(charge)]}"', *_pairs(charge)]
    for tax in tariff.included:
        lines += ["", "[[included_tax]]", *_pairs(tax)]
    for deduction in tariff.deductions:
        kind = next(kind for kind, form in DEDUCTIONS.items() if form is type(deduction))
        lines += ["", "[[deduction]]", f'kind = "{kind}"', *_pairs(deduction)]
    if tariff.allowance is not None:
        lines += ["", "[free]", *_pairs(tariff.allowance)]
    if tariff.calendar is not None:
        lines += _written_calendar(tariff.calendar)
    return "\n".join(lines) + "\n"


def _written_calendar(calendar: Calendar) -> list[str]:
    lines = ["", "[calendar]", f"default = {_toml(calendar.default)}"]
    if calendar.holidays:
        lines.append(f"holidays = [{', '.join(day.isoformat() for day in calendar.holidays)}]")
    for season in calendar.seasons:
        lines += [
            "",
            "[[calendar.season]]",
            f"name = {_toml(season.name)}",
            f"months = {list(season.months)}",
        ]
    for rule in calendar.rules:
        lines += ["", "[[calendar.period]]", f"period = {_toml(rule.period)}", f"days = {_toml(rule.days)}"]
        lines += [f"from = {_toml(rule.start)}", f"to = {_toml(rule.end)}"]
        if rule.seasons:
            lines.append(f"seasons = {_toml(rule.seasons)}")
    return lines


# --- reading ---------------------------------------------------------------------------------------------------------


def _charge(table: dict[str, Any]) -> AnyCharge:
    where = str(table.get("id", "charge"))
    kind = table.pop("kind", None)
    if kind not in KINDS:
        raise FieldUnknown(f"{where}: the kind {kind!r} is unknown.{_suggestion(str(kind), KINDS)}", where)
    below_one = bool(table.pop("below_one_percent", False))
    charge: AnyCharge = _filled(KINDS[kind], table, where)
    if isinstance(charge, Percent) and charge.tax and 0 < charge.percent < 1 and not below_one:
        raise PercentLooksLikeFraction(
            f'{where}: {charge.percent} % is less than one per cent. Write "{(charge.percent * 100).normalize():f} %" if that '
            "was meant, or below_one_percent = true if the tax is really so small.",
            where,
        )
    return charge


def _deduction(table: dict[str, Any]) -> AnyDeduction:
    kind = table.pop("kind", None)
    if kind not in DEDUCTIONS:
        raise FieldUnknown(
            f"deduction: the kind {kind!r} is unknown.{_suggestion(str(kind), DEDUCTIONS)}", "deduction"
        )
    deduction: AnyDeduction = _filled(DEDUCTIONS[kind], table, str(kind))
    return deduction


def _calendar(table: dict[str, Any]) -> Calendar:
    _refuse_unknown("calendar", table, {"default", "holidays", "season", "period"})
    rules = []
    for rule in _tables(table, "period"):
        _refuse_unknown("calendar", rule, {"period", "days", "from", "to", "seasons"})
        rules.append(
            PeriodRule(
                _text(_needed("calendar", rule, "period"), "period"),
                _text(rule.get("days", "all"), "days"),
                _text(_needed("calendar", rule, "from"), "from"),
                _text(_needed("calendar", rule, "to"), "to"),
                _texts(rule.get("seasons", []), "seasons"),
            )
        )
    seasons = []
    for season in _tables(table, "season"):
        _refuse_unknown("calendar", season, {"name", "months"})
        months = _needed("calendar", season, "months")
        if not isinstance(months, list):
            raise TariffInvalid("calendar: months is a list of numbers from 1 to 12.", "calendar")
        seasons.append(
            Season(
                _text(_needed("calendar", season, "name"), "name"),
                tuple(_count(month, "months") for month in months),
            )
        )
    holidays = table.get("holidays", [])
    if not isinstance(holidays, list) or any(type(day) is not date for day in holidays):
        raise TariffInvalid("calendar: holidays is a list of days such as 2026-12-25.", "calendar")
    return Calendar(
        _text(_needed("calendar", table, "default"), "default"), tuple(rules), tuple(seasons), tuple(holidays)
    )


def _filled(form: Any, table: dict[str, Any], where: str) -> Any:
    """A value of this form from a table, field by field; the annotation of the field says how it is read."""
    known = {field.name: field for field in dataclasses.fields(form)}
    _refuse_unknown(where, table, known)
    values = {}
    for name, field in known.items():
        if name in table:
            values[name] = _READERS[_form_of(name, str(field.type))](table[name], f"{where}.{name}")
        elif field.default is MISSING:
            raise FieldMissing(f"{where}: {name} is missing.", where)
    return form(**values)


def _form_of(name: str, annotation: str) -> str:
    if "percent" in name or name == "tax_inside":
        return "percents" if annotation.startswith("tuple") else "percent"
    return annotation.removesuffix(" | None")


def _needed(where: str, table: dict[str, Any], name: str) -> Any:
    if name not in table:
        raise FieldMissing(f"{where}: {name} is missing.", name)
    return table[name]


def _refuse_unknown(where: str, table: dict[str, Any], known: Iterable[str]) -> None:
    known = set(known)
    for name in table:
        if name not in known:
            raise FieldUnknown(
                f"{where}: the word {name!r} is unknown here.{_suggestion(name, known)}", where
            )


def _suggestion(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


def _tables(top: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = top.get(name, [])
    if not isinstance(found, list):
        raise FileNotUnderstood(f"Write each {name} under its own [[{name}]].")
    return [dict(_table(item, name)) for item in found]


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FileNotUnderstood(f"{where} must be a table of names and values.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) > 2000:
        raise TariffInvalid(f"{where}: write words in quotation marks.", where)
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TariffInvalid(f'{where}: write a list such as ["energy", "service"].', where)
    return tuple(_text(item, where) for item in value)


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise TariffInvalid(f"{where}: write true or false.", where)
    return value


def _count(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**6:
        raise TariffInvalid(f"{where}: write a whole number.", where)
    return value


def _number(value: Any, where: str) -> Decimal:
    """An exact decimal. A comma or a grouped number is refused with the way to write it."""
    if isinstance(value, str):
        if re.fullmatch(r"-?\d+,\d+", value):
            raise TariffInvalid(f"{where}: write {value.replace(',', '.')} with a point.", where)
        try:
            value = Decimal(value)
        except InvalidOperation:
            raise TariffInvalid(f"{where}: {value!r} is not a number. Write it like 2.0967.", where) from None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TariffInvalid(f"{where}: write a number like 2.0967.", where)
    number = Decimal(value)
    if not number.is_finite() or len(number.as_tuple().digits) > 24:
        raise TariffInvalid(f"{where}: this is not a number a tariff can hold.", where)
    return number


def _percent(value: Any, where: str) -> Decimal:
    if not isinstance(value, str) or not value.strip().endswith("%"):
        raise TariffInvalid(
            f'{where}: write a percentage with its sign and in quotation marks, such as "15 %".', where
        )
    return _number(value.strip().removesuffix("%").strip(), where)


def _named(value: Any, where: str, reader: Callable[[Any, str], Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, reader(item, f"{where}.{name}")) for name, item in _table(value, where).items())


def _blocks(value: Any, where: str) -> tuple[Block, ...]:
    if not isinstance(value, list):
        raise TariffInvalid(
            f"{where}: write a list of blocks such as [{{upto = 350, rate = 2.1}}, {{rate = 2.7}}].", where
        )
    found = []
    for item in value:
        table = _table(item, where)
        _refuse_unknown(where, table, {"upto", "rate"})
        upto = table.get("upto")
        found.append(
            Block(
                None if upto is None else _number(upto, f"{where}.upto"),
                _number(_needed(where, table, "rate"), f"{where}.rate"),
            )
        )
    return tuple(found)


def _moment(value: Any, where: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    raise ValidityInvalid(f"{where}: write a day such as 2026-07-01, without quotation marks.", where)


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "str": _text,
    "bool": _flag,
    "int": _count,
    "Decimal": _number,
    "percent": _percent,
    "percents": lambda value, where: _named(value, where, _percent),
    "tuple[str, ...]": _texts,
    "tuple[Block, ...]": _blocks,
    "tuple[tuple[str, Decimal], ...]": lambda value, where: _named(value, where, _number),
    "tuple[tuple[str, tuple[Block, ...]], ...]": lambda value, where: _named(value, where, _blocks),
}

# --- writing ---------------------------------------------------------------------------------------------------------


def _pairs(value: Any) -> list[str]:
    lines = []
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        if item == field.default:
            continue
        form = _form_of(field.name, str(field.type))
        if form == "percent":
            text = _percent_text(item)
        elif form == "percents":
            text = _inline((name, _percent_text(percent)) for name, percent in item)
        elif form.startswith("tuple[tuple["):
            text = _inline((name, _toml(inner)) for name, inner in item)
        else:
            text = _toml(item)
        lines.append(f"{field.name} = {text}")
    if isinstance(value, Percent) and value.tax and 0 < value.percent < 1:
        lines.append("below_one_percent = true")
    return lines


def _percent_text(percent: Decimal) -> str:
    return f'"{_plain(percent)} %"'


def _inline(pairs: Iterable[tuple[str, str]]) -> str:
    return "{ " + ", ".join(f"{_key(name)} = {text}" for name, text in pairs) + " }"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _plain(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return _plain(value)
    if isinstance(value, Block):
        upto = "" if value.upto is None else f"upto = {_plain(value.upto)}, "
        return f"{{ {upto}rate = {_plain(value.rate)} }}"
    if isinstance(value, tuple):
        inner = [_toml(item) for item in value]
        if value and isinstance(value[0], Block) and len(value) > 2:
            return "[\n    " + ",\n    ".join(inner) + ",\n]"
        return f"[{', '.join(inner)}]"
    assert isinstance(value, str), "a tariff holds words, numbers, flags and blocks only"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(_escaped(character) for character in escaped) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 32 or code == 127 else character


__all__ = ["Document", "InvalidInput", "parsed", "written"]
