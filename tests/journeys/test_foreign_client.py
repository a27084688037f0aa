"""Another author's reader at our meter: the PyPI package `iec62056-21` 0.0.2, which shares no code with ours.

It is deaf for three quarters of a second after its acknowledgement, always asks with `(1)`, and cannot send a password
by its own method; the settings and the way around are those of docs/reference/serial-line.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_meter import GOOD, FakeMeter
from iec62056_21.client import Iec6205621Client
from iec62056_21.messages import CommandMessage, DataSet

from meter.pty_line import PtyLine
from meter.serial_meter import PortSettings, SerialMeter

SLOW = PortSettings(flag="AMP", reaction_s=1.0, offered_baud=9600)


@pytest.fixture
def fake() -> FakeMeter:
    return FakeMeter()


@pytest.fixture
def client(fake: FakeMeter) -> Iterator[Iec6205621Client]:
    with PtyLine(SerialMeter(fake, SLOW)) as served:
        reader = Iec6205621Client.with_serial_transport(port=served.name)
        reader.connect()
        yield reader
        reader.disconnect()


def test_reads_our_register_list(client: Iec6205621Client) -> None:
    values = {one.address: one.value for one in client.standard_readout().data}
    assert values["0.0.0"] == "04123456789"
    assert values["1.8.0"] == "001234.560"
    assert values["C.52"] == "000012.340"


def test_enters_a_token_in_programming_mode(client: Iec6205621Client, fake: FakeMeter) -> None:
    client.access_programming_mode()
    password = CommandMessage(command="P", command_type=1, data_set=DataSet(address="", value="00000000"))
    client.transport.send(password.to_bytes())
    assert client._recv_ack() == "\x06"
    client.write_single_value("C.50", GOOD)
    assert client.read_single_value("C.51").value == "01"
    assert client.read_single_value("C.52").value == "000022.340"
    client.send_break()
    assert fake.entries == [GOOD]
