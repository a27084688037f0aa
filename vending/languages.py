"""The languages of the product: sentences and numbers as people of a language read them, for pages, papers and messages.

Catalogues are plain gettext files, `translations/<language>/messages.po`, read when a language is first spoken: no compiled
twin of them is kept that could be older than they are. English is the text in the code. A sentence that a catalogue lacks is
shown in English, never left out. Not here: which language a reader wants (a page asks its cookie, a paper the customer).
`tools/messages.py` collects the sentences and says which are missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from unicodedata import bidirectional
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

from vending.money import currency

# decisions.md D23; each in its own words, as a reader looks for it.
LANGUAGES = {"en": "English", "zh": "中文", "fr": "Français", "ar": "العربية"}
RIGHT_TO_LEFT = frozenset({"ar"})
FOLDER = Path(__file__).parent / "translations"

MINUS = "\u2212"
UNITS = {"electricity": "kWh", "water": "kl", "gas": "m³", "cooling": "kWh", "time": "min"}


def known(code: str | None) -> str:
    """The language of ours that a code means (`fr-CA` is `fr`), English if we do not speak it."""
    short = (code or "").replace("_", "-").split("-")[0].lower()
    return short if short in LANGUAGES else "en"


def first_known(codes: Iterable[str]) -> str:
    """The first of these that we speak, English if none."""
    for code in codes:
        if code and (known(code) != "en" or code.lower().startswith("en")):
            return known(code)
    return "en"


@cache
def tongue(code: str) -> Tongue:
    return Tongue(known(code))


@cache
def _catalogue(code: str) -> NullTranslations:
    path = FOLDER / code / "messages.po"
    if not path.is_file():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language, and everything that is said or counted in it."""

    code: str

    @property
    def direction(self) -> str:
        return "rtl" if self.code in RIGHT_TO_LEFT else "ltr"

    @property
    def locale(self) -> Locale:
        return Locale.parse(self.code)

    def speak(self, message: str, **values: object) -> str:
        """The sentence in this language; without values a per cent sign stands for itself."""
        found = _catalogue(self.code).gettext(message) if message else ""
        return found % self._kept_whole(values) if values else found

    def plural(self, one: str, many: str, number: int, **values: object) -> str:
        """The sentence for this many; `%(num)s` is the number."""
        return _catalogue(self.code).ngettext(one, many, number) % self._kept_whole({"num": number, **values})

    def _kept_whole(self, values: dict[str, object]) -> dict[str, object]:
        """In a sentence from right to left, a number in groups or a foreign name keeps its own order: it is isolated."""
        if self.code not in RIGHT_TO_LEFT:
            return values
        return {name: kept_whole(str(value)) for name, value in values.items()}

    def listed(self, parts: Iterable[object]) -> str:
        """Things beside each other, parted as this language parts them; foreign ones keep their own order."""
        comma = {"ar": "\u060c ", "zh": "\uff0c"}.get(self.code, ", ")
        told = [str(part) for part in parts if str(part)]
        return comma.join(map(kept_whole, told) if self.code in RIGHT_TO_LEFT else told)

    def kept(self, value: str) -> str:
        """A value as it stands in a sentence of this language."""
        return kept_whole(value) if self.code in RIGHT_TO_LEFT else value

    def template(self, one: str, many: str | None = None, number: int = 1) -> str:
        """The sentence with its places still open, for templates, which fill them themselves."""
        found = _catalogue(self.code)
        return found.ngettext(one, many, number) if many is not None else found.gettext(one)

    # --- numbers: Latin digits in every language, because a meter's keys and a coin have them

    def number(self, value: Decimal, decimals: int) -> str:
        pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
        text = format_decimal(value, format=pattern, locale=self.locale, numbering_system="latn")
        return text.replace("\u200e", "").replace("-", MINUS)

    def money(self, minor: int, code: str) -> str:
        """`1,500.00`, without the currency: in columns the currency stands once, on the total."""
        unit = currency(code)
        return self.number(Decimal(minor).scaleb(-unit.decimals), unit.decimals)

    def total(self, minor: int, code: str) -> str:
        return f"{currency(code).symbol} {self.money(minor, code)}"

    def units(self, value: int) -> str:
        """Tenths of the service's unit, as the meter shows them."""
        return self.number(Decimal(value).scaleb(-1), 1)

    def measure(self, value: int, service: str) -> str:
        """`300.2 kWh`, in this order in every language."""
        text = f"{self.units(value)} {unit_of(service)}".strip()
        return kept_whole(text) if self.code in RIGHT_TO_LEFT else text

    def service_name(self, service: str) -> str:
        names = {
            "electricity": self.speak("Electricity"),
            "water": self.speak("Water"),
            "gas": self.speak("Gas"),
            "cooling": self.speak("Cooling"),
            "time": self.speak("Time"),
        }
        return names.get(service, service)

    def way(self, name: str) -> str:
        """How somebody paid."""
        names = {
            "cash": self.speak("cash"),
            "card": self.speak("card"),
            "cheque": self.speak("cheque"),
            "transfer": self.speak("bank transfer"),
            "voucher": self.speak("voucher"),
            "account": self.speak("account"),
        }
        return names.get(name, name)

    # --- moments

    def day(self, moment: datetime, zone: ZoneInfo) -> str:
        return self.on(moment.astimezone(zone).date())

    def on(self, day: date) -> str:
        return str(format_date(day, "y年M月d日" if self.code == "zh" else "d MMM y", locale=self.locale))

    def soon(self, moment: datetime, zone: ZoneInfo) -> str:
        """A moment of the next weeks, for a corner of the page: the weekday instead of the year."""
        at = moment.astimezone(zone)
        day = format_date(at.date(), "M月d日EEE" if self.code == "zh" else "EEE d MMM", locale=self.locale)
        return f"{day} {clock_time(moment, zone)}"

    def month(self, day: date) -> str:
        """The month alone, for a heading. Babel's stand-alone form (LLLL) mixes languages up once it has spoken another."""
        return str(format_date(day, "MMMM", locale=self.locale))

    def month_of(self, day: date) -> str:
        """The month with its year, for a list of months."""
        return f"{day.year}年{day.month}月" if self.code == "zh" else f"{self.month(day)} {day.year}"


def kept_whole(value: str) -> str:
    """The same text, isolated when a sentence from right to left would turn its words round (`kWh 300.2`)."""
    turns = " " in value and not value.startswith("\u2066")
    if not turns or any(bidirectional(letter) in ("R", "AL") for letter in value):
        return value
    return f"\u2066{value}\u2069"


def clock_time(moment: datetime, zone: ZoneInfo, *, seconds: bool = False) -> str:
    return moment.astimezone(zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def unit_of(service: str) -> str:
    return UNITS.get(service, "")


def meter_number(drn: str) -> str:
    """Eleven digits as 4-4-3, the way they stand on the meter."""
    return (
        f"{drn[:4]} {drn[4:8]} {drn[8:]}"
        if len(drn) == 11
        else " ".join(drn[i : i + 4] for i in range(0, len(drn), 4))
    )
