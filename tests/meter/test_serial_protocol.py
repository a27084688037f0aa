"""The two tables of legal moves, read as tables: what is not in them does not move a session."""

from __future__ import annotations

import pytest

from meter.framing import Ack, Block, Command, Identification, Nak, OptionSelect, SignOn, encode
from meter.protocol import (
    CLIENT_MOVES,
    METER_MOVES,
    PROGRAMMING,
    READOUT,
    Client,
    ClientSession,
    IllegalMove,
    Meter,
    MeterSession,
    Move,
    Unexpected,
    Wire,
    answer_to,
    same_address,
)


def opened() -> ClientSession:
    session = ClientSession(Wire())
    session.sending_sign_on("")
    session.receive(encode(Identification("AMP", "5")))
    session.sending_choice(PROGRAMMING, "5")
    session.receive(encode(Command("P", "0", "(1)")))
    return session


def test_every_state_can_be_left_by_a_break() -> None:
    assert all(CLIENT_MOVES[state, Move.BREAK] is Client.IDLE for state in Client)
    assert all(METER_MOVES[state, Move.BREAK] is Meter.START for state in Meter)


def test_every_state_can_be_reached() -> None:
    assert set(CLIENT_MOVES.values()) == set(Client)
    assert set(METER_MOVES.values()) == set(Meter)


def test_an_act_is_never_repeated_before_something_is_asked() -> None:
    assert (Client.AWAITING_CONFIRMATION, Move.ACT) not in CLIENT_MOVES
    session = opened()
    session.sending_command("W", "1", "C.50(1)")
    with pytest.raises(IllegalMove):
        session.sending_command("W", "1", "C.50(1)")
    session.sending_command("R", "1", "C.51()")


def test_nothing_can_be_asked_before_the_session_is_open() -> None:
    session = ClientSession(Wire())
    for send in (
        lambda: session.sending_command("R", "1", "1.8.0()"),
        lambda: session.sending_choice(READOUT, "0"),
    ):
        with pytest.raises(IllegalMove):
            send()


def test_a_whole_message_out_of_place_is_unexpected_and_moves_nothing() -> None:
    session = opened()
    assert session.receive(encode(Block("1.8.0(1)"))) == [Unexpected(Block("1.8.0(1)"))]
    assert session.state is Client.OPEN


def test_the_meter_s_session_moves_only_when_the_meter_does() -> None:
    session = MeterSession(Wire())
    assert session.receive(encode(SignOn("1"))) == [SignOn("1")]
    assert session.state is Meter.START
    session.moved(Move.IDENTIFICATION)
    assert session.receive(encode(OptionSelect("0", "5", "1"))) == [OptionSelect("0", "5", "1")]
    session.moved(Move.CHOOSE_PROGRAMMING)
    assert session.receive(b"\x06\x15") == [Unexpected(Ack()), Nak()]
    session.moved(Move.BREAK)
    assert session.receive(encode(SignOn())) == [SignOn()]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("000123", "123", True),
        ("", "000", True),
        ("0", "", True),
        ("123", "1230", False),
        ("a1", "A1", False),
    ],
)
def test_leading_zeros_of_an_address_do_not_count(one: str, other: str, same: bool) -> None:
    assert same_address(one, other) is same


def test_the_answer_to_an_operand_is_bound_to_it() -> None:
    assert answer_to("1A2B3C4D", "secret") != answer_to("1A2B3C4E", "secret")
    assert len(answer_to("", "secret")) == 16
