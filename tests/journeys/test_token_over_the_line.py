"""A token on a real pty, from the digits to the relay: push, read back, run out, see the supply stop, buy, see it return.

The meter is the real twin with real tokens of the standard; both ends keep the pace of 300 and 9600 Bd.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from meter.cli import meter as command
from meter.driver import Quantity, RelayState, TokenStatus, open_driver
from meter.local_driver import Hosted, LocalDriver
from meter.pty_line import PtyLine
from meter.serial_meter import PortSettings, SerialMeter
from tests.meter.keying import PAN, a_twin, credit


class OnTheLine:
    """A twin behind a pty, and the driver at the other end."""

    def __init__(self) -> None:
        self.twin = a_twin()
        self.hosted = Hosted(self.twin, None)
        self.served = PtyLine(SerialMeter(LocalDriver(self.hosted)))
        self.url = f"serial:{self.served.name}"
        self.driver = open_driver(self.url)


@pytest.fixture
def line() -> Iterator[OnTheLine]:
    built = OnTheLine()
    with built.served:
        yield built
        built.driver.close()


def test_a_sold_token_travels_over_the_line_and_the_supply_follows_the_credit(line: OnTheLine) -> None:
    info = line.driver.info()
    assert info.pan == PAN

    sold = credit(100)
    outcome = line.driver.enter_token(sold)
    assert outcome.status is TokenStatus.ACCEPTED
    assert outcome.credit == Quantity(10_000, "Wh")
    assert outcome.relay is not None
    assert outcome.relay.state is RelayState.CLOSED

    again = line.driver.enter_token(sold)
    assert (again.status, again.credit) == (TokenStatus.USED, Quantity(10_000, "Wh"))

    # Ten kilowatt-hours under a load of two kilowatts: gone after five hours.
    line.twin.advance(line.twin.state.now + 6 * 3600, 2_000)
    spent = line.driver.read()
    assert (spent.credit, spent.relay.state, spent.relay.reason) == (
        Quantity(0, "Wh"),
        RelayState.OPEN,
        "credit",
    )
    assert spent.total("1-0:1.8.0") == Quantity(10_000, "Wh")

    back = line.driver.enter_token(credit(50))
    assert (back.status, back.credit) == (TokenStatus.ACCEPTED, Quantity(5_000, "Wh"))
    assert back.relay is not None
    assert back.relay.state is not RelayState.OPEN


def test_the_commands_do_the_same_from_a_shell(line: OnTheLine) -> None:
    shell = CliRunner()
    token = credit(30)
    pushed = shell.invoke(command, ["token", "-", "--port", line.url, "--json"], input=f"{token}\n")
    assert pushed.exit_code == 0, pushed.output
    assert json.loads(pushed.output)["credit"] == {"amount": 3_000, "unit": "Wh"}
    assert token not in pushed.output

    off = shell.invoke(command, ["disconnect", "--port", line.url, "--json"])
    assert json.loads(off.output)["state"] == "open"
    shell.invoke(command, ["reconnect", "--port", line.url])

    read = shell.invoke(command, ["read", "--port", line.url, "--json"])
    seen = json.loads(read.output)
    assert seen["pan"] == PAN
    assert seen["credit"] == {"amount": 3_000, "unit": "Wh"}
    assert seen["last_tokens"][0]["tail"] == token[-4:]

    watched = shell.invoke(command, ["watch", "--port", line.url, "--count", "1", "--json"])
    assert json.loads(watched.output)["credit"]["amount"] == 3_000


def test_a_meter_that_refuses_gives_exit_code_1(line: OnTheLine) -> None:
    refused = CliRunner().invoke(command, ["token", "11111111111111111111", "--port", line.url])
    assert refused.exit_code == 1
    assert line.twin.credit_units() == 0


def test_find_names_port_rate_and_framing() -> None:
    served = PtyLine(SerialMeter(LocalDriver(Hosted(a_twin(), None)), PortSettings(text="FOUND")))
    with served:
        found = CliRunner().invoke(command, ["find", "--port", served.name, "--json"])
        assert found.exit_code == 0, found.output
        seen = json.loads(found.output.strip().splitlines()[-1])
    assert (seen["baud"], seen["framing"], seen["text"]) == (300, "7e1", "FOUND")
    assert seen["url"] == f"serial:{served.name}"
