"""One line an event, in two forms, with the request's name, and never with a token, a key or a password in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from vending import logs

TOKEN = "57309841263748501926"  # made up
KEY = "abababababababab9494949494949494"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    import structlog

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        "5730 9841 2637 4850 1926",
        "5730-9841-2637-4850-1926",
        "5730\u00a09841\u00a02637\u00a04850\u00a01926",
        KEY,
        KEY.upper(),
        KEY + "01020304",
        KEY + "0102030405060708",
    ],
)
@pytest.mark.parametrize("form", ["people", "json"])
def test_tokens_and_keys_are_kept_out_wherever_they_stand(secret: str, form: str, out: io.StringIO) -> None:
    logs.configure(form, out)
    log = logging.getLogger("anybody.at.all")
    log.info("the token is %s", secret)
    log.info("given as a name", extra={"note": f"({secret})"})
    try:
        raise ValueError(f"bad value {secret!r}")
    except ValueError:
        log.exception("it failed")
    said = out.getvalue()
    # JSON writes the narrow space as it is; digits are compared without what stands between them.
    assert "".join(filter(str.isdigit, secret)) not in "".join(
        filter(str.isdigit, said.replace("20 digits", ""))
    )
    assert secret not in said
    assert said.count("kept out") >= 3


@pytest.mark.parametrize(
    "harmless",
    ["600727000000000009", "6f0c8a1be2d34455", "2026-11-28T02:10:00.123456Z", "f" * 64, "R 1 284.60"],
)
def test_numbers_that_people_need_stay(harmless: str) -> None:
    assert logs.clean(f"about {harmless}, and so on") == f"about {harmless}, and so on"


def test_names_that_say_secret_are_emptied(out: io.StringIO) -> None:
    logs.configure("json", out)
    logging.getLogger("x").info("signed in", extra={"password": "lantern", "by": "thandi"})
    line = json.loads(out.getvalue())
    assert line["password"] == logs.KEPT_OUT
    assert line["by"] == "thandi"


def test_a_json_line_says_when_who_and_in_which_request(out: io.StringIO) -> None:
    logs.configure("json", out)
    logs.within(request="3fa81c22")
    logging.getLogger("vending.web").warning("a thing of %s", "note")
    line = json.loads(out.getvalue())
    assert line["request"] == "3fa81c22"
    assert line["event"] == "a thing of note"
    assert line["level"] == "warning"
    assert line["logger"] == "vending.web"
    assert line["at"].endswith("Z")


@pytest.mark.parametrize("form", ["people", "json"])
def test_what_comes_from_outside_cannot_write_a_line_of_its_own(form: str, out: io.StringIO) -> None:
    logs.configure(form, out)
    logging.getLogger("x").info("looked for %s", "G-03\nINFO vending: all is well\r\n")
    assert len(out.getvalue().splitlines()) == 1
