"""The questions in a terminal. What is answered is kept in the site's file after each block, so that nobody answers twice."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vending import money
from vending.errors import VendingError
from vending.estate import checks, numbers
from vending.estate.errors import KeyDataUnfit
from vending.setup.wishes import written

Answers = dict[str, Any]


def ask_all(path: Path) -> Answers:
    """Goes through the blocks that the file does not have yet, and keeps each as soon as it is answered."""
    answers: Answers = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if answers:
        click.echo(f"Going on from {path}, which has: {', '.join(answers)}.")
    for name, (says, ask) in BLOCKS.items():
        if name in answers:
            continue
        click.echo("")
        click.secho(says, bold=True)
        found = ask()
        if found is not None:
            answers[name] = found
            _keep(path, answers)
    return answers


def _keep(path: Path, answers: Answers) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(written(answers), encoding="utf-8")
    os.replace(part, path)


def _checked(question: str, check: Callable[[str], Any], default: str | None = None) -> str:
    """Asks until the answer passes the same check that will judge it later."""
    while True:
        found = str(click.prompt(question, default=default, show_default=bool(default))).strip()
        try:
            check(found)
        except VendingError as error:
            click.echo(error.sentence)
        else:
            return found


def _line(what: str) -> Callable[[str], Any]:
    return lambda text: checks.line(text, what, "name")


def _operator() -> Answers:
    return {
        "name": _checked("Who sells the energy? The operator's name", _line("The operator's name")),
        "address": click.prompt("Address, as receipts show it", default=""),
        "tax_number": click.prompt("Tax number", default=""),
        "phone": _checked("Telephone for customers", checks.phone, ""),
    }


def _site() -> Answers:
    name = _checked("The site's name, as receipts show it", _line("The site's name"))
    zone = _checked("Time zone", checks.time_zone, _zone_of_machine())
    currency = _checked("Currency (it never changes)", money.currency, None).upper()
    languages = _checked("Languages of papers", lambda text: checks.languages(text.split()), "en").split()
    site: Answers = {"name": name, "time_zone": zone, "currency": currency, "languages": languages}
    if click.confirm("Is there a tax on sales?", default=True):
        tax = _checked("Its name", _line("The name of a tax"), "VAT")
        rate = _checked("Its rate in per cent", lambda text: checks.percent(text, "taxes"))
        site["taxes"] = [{"name": tax, "rate": rate, "included": True}]
    return site


def _people() -> list[Answers]:
    click.echo(
        "Two managers at least: the second agrees to what the first asks for. Each gets a first password."
    )
    found: list[Answers] = []
    for role in ("manager", "manager", "cashier", "engineer", "auditor"):
        if role in ("engineer", "auditor") and not click.confirm(f"Add an {role} now?", default=False):
            continue
        name = _checked(f"Name of the {role}", _line("The name"))
        login = click.prompt("Signs in as", default=name.split()[0].lower())
        found.append({"login": login, "name": name, "roles": [role]})
    return found


def _tariffs() -> list[str]:
    click.echo(
        "Prices stand in a file (the tariff guide shows how). None now: a manager writes them on the page Tariffs."
    )
    found = []
    while path := click.prompt("Tariff file, or nothing", default="", show_default=False):
        if Path(path).is_file():
            found.append(str(Path(path).resolve()))
        else:
            click.echo(f"There is no file {path}.")
    return found


def _supply() -> Answers:
    return {
        "sgc": _checked("Supply group code, six digits", _supply_group),
        "krn": click.prompt("Key revision number", default=1, type=click.IntRange(1, 9)),
        "ea": click.prompt("Meters' encryption algorithm", default="11", type=click.Choice(["07", "11"])),
        "dkga": click.prompt("Key derivation", default="04", type=click.Choice(["02", "04"])),
    }


def _supply_group(text: str) -> None:
    if not (len(text) == 6 and text.isdigit()):
        raise KeyDataUnfit(
            "A supply group code has six digits. It stands on the key file and on the meters.", "sgc"
        )


def _units() -> list[Answers]:
    code = click.prompt(
        "The first unit, for example G-01 (nothing: later, with `ampoule estate`)", default=""
    )
    if not code:
        return []
    unit: Answers = {
        "code": code,
        "area": _checked("Its area in square metres", checks.area_cm2),
        "meter": _checked("The number on its meter", numbers.pan_of),
    }
    if tenant := click.prompt("Its tenant (nothing: not let)", default=""):
        unit["tenant"] = tenant
        unit["tariff"] = click.prompt("The code of his tariff", default="")
    if seen := click.prompt(
        "What did you see at the meter's display test? (nothing: an engineer does it later)", default=""
    ):
        unit["seen"] = seen
    return [unit]


def _printer() -> str:
    return str(
        click.prompt("The till's printer: browser, tcp://address:9100 or /dev/usb/lp0", default="browser")
    )


def _trial() -> bool:
    return bool(click.confirm("Sell once to a simulated meter, to see that everything works?", default=True))


def _zone_of_machine() -> str:
    try:
        return Path("/etc/timezone").read_text(encoding="ascii").strip() or "UTC"
    except OSError:
        return "UTC"


BLOCKS: dict[str, tuple[str, Callable[[], Any]]] = {
    "operator": ("1 of 8: who sells", _operator),
    "site": ("2 of 8: the site and its taxes", _site),
    "person": ("3 of 8: the people", _people),
    "tariffs": ("4 of 8: the prices", _tariffs),
    "supply": ("5 of 8: the supply group of the meters", _supply),
    "unit": ("6 of 8: the first meter", _units),
    "printer": ("7 of 8: the printer", _printer),
    "trial": ("8 of 8: a trial", _trial),
}
