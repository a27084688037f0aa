"""`python -m sts`: look at tokens, numbers, times and amounts; answer questions; run the vectors.

What only computes is elsewhere; here arguments become values, and values become lines or JSON. Exit status:
0 done, 1 refused (with one sentence), 2 the command was not understood.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sts import amount, answer, drn, explain, id_record, key_file, pan, tid, vectors
from sts.ciphers import by_tables, table_file
from sts.errors import ArgumentWrong, StsError

Rows = dict[str, object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        try:
            rows, status = options.run(options)
            _show(rows, as_json=options.json)
        except StsError as error:
            _refuse(error, as_json=options.json)
            status = 1
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our lines has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return int(status)


# ---- the commands: each returns what is shown, and the exit status


def _answer(options: argparse.Namespace) -> tuple[Rows, int]:
    answer.serve(sys.stdin.buffer, sys.stdout)
    return {}, 0


def _explain(options: argparse.Namespace) -> tuple[Rows, int]:
    key = key_file.load(options.key_file) if options.key_file else None
    ciphers = by_tables(table_file.load(options.tables)) if options.tables else by_tables()
    rows = explain.explain(options.token, key, ciphers=ciphers, offset=_offset(options.offset))
    return rows, 1 if "refused" in rows else 0


def _pan(options: argparse.Namespace) -> tuple[Rows, int]:
    """A PAN is taken apart; a DRN gets its PAN; a DRN without its check digit gets both digits."""
    number = pan.compact(options.number)
    if len(number) in (10, 12):
        number = drn.of(number)
    if len(number) in (11, 13):
        number = pan.of("600727" if len(number) == 11 else "0000", number)
    iin, meter_number = pan.split(number)
    return {
        "pan": pan.validate(number),
        "pan for people": pan.format(number),
        "iin": iin,
        "drn": meter_number,
        "drn for people": drn.format(meter_number),
        "manufacturer": drn.manufacturer(meter_number),
    }, 0


def _tid(options: argparse.Namespace) -> tuple[Rows, int]:
    offset = _offset(options.offset)
    base = tid.base_date(options.base)
    if options.what.isascii() and options.what.isdigit() and len(options.what) <= 8:
        number = int(options.what)
    else:
        number = tid.encode(_moment(options.what), base, offset=offset)
    moment = tid.decode(number, base, offset=offset)
    return {
        "tid": number,
        "base date": int(base),
        "time": moment.isoformat(timespec="minutes"),
        "absolute minute": tid.absolute_minute(number, base),
        "reserved minute": tid.is_reserved(number, base),
        "lowest KEN": number >> 16,
        "last minute": tid.last_moment(base, offset=offset).isoformat(timespec="minutes"),
    }, 0


def _amount(options: argparse.Namespace) -> tuple[Rows, int]:
    if options.currency:
        wanted = _whole(options.amount, 5, "12.34567")
        code = amount.encode_currency(wanted)
        down, up = amount.quantise_currency(wanted, "down"), amount.quantise_currency(wanted, "up")
        return {
            "hundred-thousandths": wanted,
            "sign and exponent": f"{code.sign_and_exponent:x}",
            "field": f"{code.amount:04x}",
            "exact": down == up,
            "down": _decimal(down, 5),
            "up": _decimal(up, 5),
        }, 0
    wanted = _whole(options.amount, 1, "123.4")
    down, up = amount.quantise(wanted, "down"), amount.quantise(wanted, "up")
    return {
        "tenths": wanted,
        "field": f"{amount.encode(wanted):04x}",
        "exact": down == up,
        "down": _decimal(down, 1),
        "up": _decimal(up, 1),
        "largest": _decimal(amount.LARGEST_UNITS, 1),
    }, 0


def _id_record(options: argparse.Namespace) -> tuple[Rows, int]:
    record = id_record.parse(options.record)
    return {**asdict(record), "record": id_record.format(record), "card": id_record.format_card(record)}, 0


def _tables(options: argparse.Namespace) -> tuple[Rows, int]:
    tables = table_file.load(options.file)
    return {"name": tables.name, "check": table_file.check_value(tables)}, 0


def _vectors(options: argparse.Namespace) -> tuple[Rows, int]:
    files = [Path(file) for file in options.files] or vectors.shipped_files()
    outcomes = [outcome for file in files for outcome in vectors.run_file(file)]
    failed = [outcome for outcome in outcomes if not outcome.passed]
    rows: Rows = {
        file.name: sum(1 for outcome in outcomes if outcome.file == file.name and outcome.passed)
        for file in files
    }
    rows |= {"passed": len(outcomes) - len(failed), "failed": len(failed)}
    if failed:
        rows["failures"] = [f"{outcome.file}: {outcome.id} ({outcome.kind})" for outcome in failed]
    return rows, 1 if failed else 0


# ---- arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sts",
        description="Tokens of the standard transfer specification (IEC 62055-41). Not a certified module.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], object], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        added.set_defaults(run=run)
        return added

    explain_command = command("explain", _explain, "Say what 20 digits are; with a key file, all fields.")
    explain_command.add_argument("token", help="20 digits, grouped or not")
    explain_command.add_argument(
        "--key-file", metavar="FILE", help="TOML file with a key; see sts/key_file.py"
    )
    explain_command.add_argument("--tables", metavar="FILE", help="a licensee's EA07 tables")
    _offset_argument(explain_command)

    pan_command = command("pan", _pan, "Check a meter PAN or number, or add check digits.")
    pan_command.add_argument(
        "number", help="18 digits (PAN), 11 or 13 (DRN), 10 or 12 (without check digits)"
    )

    tid_command = command("tid", _tid, "Turn a time into a token identifier, or back.")
    tid_command.add_argument("what", help="a time such as 2026-11-21T07:00+02:00, or an identifier")
    tid_command.add_argument("--base", type=int, default=int(tid.BaseDate.Y2014), help="1993, 2014 or 2035")
    _offset_argument(tid_command)

    amount_command = command("amount", _amount, "Show how an amount stands in a token.")
    amount_command.add_argument("amount", help="kWh, m³ or minutes with one decimal, as 1638.5")
    amount_command.add_argument("--currency", action="store_true", help="money, with up to five decimals")

    id_command = command("id-record", _id_record, "Read the record of a meter card or label.")
    id_command.add_argument("record", help="35 digits, or the line of a magnetic card")

    tables_command = command("tables", _tables, "Check a licensee's file of EA07 tables.")
    tables_command.add_argument("file")

    vectors_command = command("vectors", _vectors, "Run the shipped vectors, or those in files.")
    vectors_command.add_argument("files", nargs="*")

    command("answer", _answer, "Answer questions, JSON lines in and out (docs/reference/vectors.md).")
    return parser


def _offset_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--offset", default="+00:00", help="the supply group's fixed offset from UTC, as --offset=+02:00"
    )


def _offset(text: str) -> timezone:
    sign, hours, colon, minutes = text[:1], text[1:3], text[3:4], text[4:]
    digits = hours + minutes
    if (
        sign not in ("+", "-")
        or colon != ":"
        or len(digits) != 4
        or not (digits.isascii() and digits.isdigit())
    ):
        raise ArgumentWrong(what="The offset", example="+02:00")
    shift = timedelta(hours=int(hours), minutes=int(minutes))
    if shift >= timedelta(hours=24) or int(minutes) > 59:
        raise ArgumentWrong(what="The offset", example="+02:00")
    return timezone(-shift if sign == "-" else shift)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentWrong(what="The time", example="2026-11-21T07:00+02:00") from None


def _whole(text: str, places: int, example: str) -> int:
    """A decimal number as a whole number of its last place; a finer one is refused, not rounded."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ArgumentWrong(what="The amount", example=example) from None
    if not number.is_finite() or abs(number.adjusted()) > 60:
        raise ArgumentWrong(what="The amount", example=example)
    scaled = number.scaleb(places)
    if scaled != scaled.to_integral_value():
        raise ArgumentWrong(what="The amount", example=example)
    return int(scaled)


def _decimal(whole: int, places: int) -> str:
    return f"{Decimal(whole).scaleb(-places):f}"


# ---- what is shown


def _show(rows: Rows, *, as_json: bool) -> None:
    if as_json and rows:
        print(json.dumps(rows, ensure_ascii=False))
        return
    width = max(map(len, rows), default=0)
    for name, value in rows.items():
        if isinstance(value, list):
            value = "\n".join(["", *(f"  {entry}" for entry in value)])
        elif isinstance(value, bool):
            value = "yes" if value else "no"
        print(f"{name:{width}}  {value}")


def _refuse(error: StsError, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": {"code": error.code, "message": error.sentence}}, ensure_ascii=False))
    else:
        print(error.sentence, file=sys.stderr)
