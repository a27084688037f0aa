"""What a site is to be: the file that `ampoule setup --from` reads and that the terminal writes. Values; no secret is in it.

The file names things by the words people use (names, units, numbers of meters), so that it can be read aloud, kept with
the site's papers, and used again.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from vending.errors import InvalidInput


class SetupFileWrong(InvalidInput):
    code = "setup_file_wrong"


@dataclass(frozen=True, slots=True)
class PersonWish:
    login: str
    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnitWish:
    """A unit with its meter, and its tenant when it is let."""

    code: str
    area: str
    meter: str
    service: str = "electricity"
    tariff: str = ""
    tenant: str = ""
    tenant_kind: str = "company"
    starts_on: date | None = None
    seen: str = ""  # what was seen at the meter; with it the meter is taken into service


@dataclass(frozen=True, slots=True)
class SupplyWish:
    """The supply group and what meters under it are: as the module's key and the meters' labels say."""

    sgc: str
    krn: int = 1
    ea: str = "11"
    dkga: str = "04"
    tct: str = "02"
    ti: str = "01"
    ken: int = 255
    key_type: int = 2
    base_date: int = 2014

    def keying(self) -> dict[str, Any]:
        return {
            "ea": self.ea,
            "tct": self.tct,
            "dkga": self.dkga,
            "sgc": self.sgc,
            "krn": self.krn,
            "ti": self.ti,
            "key_type": self.key_type,
            "ken": self.ken,
            "base_date": self.base_date,
        }


@dataclass(frozen=True, slots=True)
class Wishes:
    operator: Mapping[str, str]
    site: Mapping[str, Any]
    people: tuple[PersonWish, ...]
    tariffs: tuple[Path, ...]
    supply: SupplyWish
    units: tuple[UnitWish, ...] = ()
    printer: str = "browser"
    trial: bool = True
    folder: Path = field(default=Path())


KNOWN = {
    "operator": {"name", "address", "tax_number", "phone", "email"},
    "site": {"name", "address", "time_zone", "currency", "languages", "taxes"},
    "person": {"login", "name", "roles"},
    "supply": set(SupplyWish.__dataclass_fields__),
    "unit": set(UnitWish.__dataclass_fields__),
    "tariffs": None,
    "printer": None,
    "trial": None,
}


def read(path: Path) -> Wishes:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SetupFileWrong(
            f"{path} cannot be read ({error.strerror}). Give the path of the site's file."
        ) from error
    try:
        return of(tomllib.loads(text), path.parent)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupFileWrong(
            f"{path} is not complete TOML ({error}). Mend that line, then run it again."
        ) from error


def of(content: Mapping[str, Any], folder: Path) -> Wishes:
    """Checks the names and kinds of everything, so that a slip is said before anything is made."""
    for name, value in content.items():
        if name not in KNOWN:
            raise SetupFileWrong(f"The site's file knows no part {name!r}. It has: {', '.join(KNOWN)}.")
        allowed = KNOWN[name]
        if allowed is None:
            continue
        for row in value if isinstance(value, list) else [value]:
            if not isinstance(row, dict):
                raise SetupFileWrong(f"{name!r} must be a table, written [{name}] or [[{name}]].")
            strange = sorted(set(row) - allowed)
            if strange:
                raise SetupFileWrong(
                    f"{name!r} knows no {', '.join(strange)}. It has: {', '.join(sorted(allowed))}."
                )
    missing = [name for name in ("operator", "site", "person", "supply") if not content.get(name)]
    if missing:
        raise SetupFileWrong(f"The site's file lacks {', '.join(missing)}.")
    try:
        people = tuple(
            PersonWish(row["login"], row["name"], tuple(row["roles"])) for row in content["person"]
        )
        units = tuple(UnitWish(**row) for row in content.get("unit", []))
        supply = SupplyWish(**content["supply"])
    except (KeyError, TypeError) as error:
        raise SetupFileWrong(f"A person, a unit or the supply lacks something: {error}.") from None
    managers = [person for person in people if "manager" in person.roles]
    if len(managers) < 2:
        raise SetupFileWrong(
            "A site needs two managers from the beginning: a second one agrees to what the first one asks for. Name another person."
        )
    if len({person.login for person in people}) != len(people):
        raise SetupFileWrong("Two people have the same sign-in name. Give each his own.")
    return Wishes(
        operator=content["operator"],
        site=content["site"],
        people=people,
        tariffs=tuple(folder / name for name in content.get("tariffs", [])),
        supply=supply,
        units=units,
        printer=content.get("printer", "browser"),
        trial=content.get("trial", True),
        folder=folder,
    )


def written(content: Mapping[str, Any]) -> str:
    """The file's text. JSON's strings, numbers and lists are TOML's as well; tables are written one line a value."""
    plain, tables = [], []
    for name, value in content.items():
        if isinstance(value, Mapping):
            tables += ["", f"[{name}]", *_lines(value)]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for row in value:
                tables += ["", f"[[{name}]]", *_lines(row)]
        else:
            plain.append(f"{name} = {_value(value)}")
    return "\n".join([*plain, *tables, ""]).lstrip("\n")


def _lines(row: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in row.items() if value is not None]


def _value(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_value(one)}" for name, one in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
