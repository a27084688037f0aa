"""ID records: read, written, compared; every broken one is refused with its reason."""

from dataclasses import replace

import pytest
from sts_cast import PAN_11, PAN_13

from sts import id_record
from sts.errors import (
    AlgorithmUnknown,
    CheckDigitWrong,
    IdRecordWrong,
    KeyRevisionOutOfRange,
    StsError,
    WrongType,
)
from sts.id_record import IdRecord

RECORD = IdRecord(pan=PAN_11, tct="02", ea="11", sgc="098838", ti="07", krn=3, expires="2712")
LINE = PAN_11 + "2712" + "02" + "11" + "098838" + "07" + "3"


def test_a_record_is_35_digits_and_comes_back():
    assert len(LINE) == id_record.LENGTH == 35
    assert id_record.parse(LINE) == RECORD
    assert id_record.format(RECORD) == LINE
    other = IdRecord(pan=PAN_13, tct="01", ea="07", sgc="123456", ti="00", krn=1)
    assert id_record.parse(id_record.format(other)) == other
    assert id_record.format(other)[18:22] == "0000"


@pytest.mark.parametrize(
    "text",
    [
        f";{PAN_11}={LINE[18:]}?",
        f"{PAN_11}={LINE[18:]}",
        f" {PAN_11} 2712 02 11 098838 07 3\r\n",
        f"{PAN_11}-2712-02-11-098838-07-3",
    ],
)
def test_a_card_and_a_typed_line_are_read(text):
    assert id_record.parse(text) == RECORD


def test_a_card_is_written_with_its_marks():
    assert id_record.format_card(RECORD) == f";{PAN_11}={LINE[18:]}?"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (LINE[:-1], IdRecordWrong),
        (LINE + "0", IdRecordWrong),
        ("", IdRecordWrong),
        (LINE[:-1] + "x", IdRecordWrong),
        (LINE[:-1] + "\u0663", IdRecordWrong),
        (LINE[:17] + "0" + LINE[18:], CheckDigitWrong),
        (LINE[:24] + "09" + LINE[26:], AlgorithmUnknown),
        (LINE[:22] + "00" + LINE[24:], IdRecordWrong),
        (LINE[:20] + "13" + LINE[22:], IdRecordWrong),
        (LINE[:20] + "00" + LINE[22:], IdRecordWrong),
        (LINE[:-1] + "0", KeyRevisionOutOfRange),
        (None, WrongType),
        (5, WrongType),
    ],
)
def test_a_broken_record_is_refused(text, error):
    with pytest.raises(error):
        id_record.parse(text)


@pytest.mark.parametrize(
    "change",
    [
        {"tct": "2"},
        {"tct": 2},
        {"expires": "271"},
        {"expires": "27x2"},
        {"sgc": "1"},
        {"ti": "x7"},
        {"krn": 10},
        {"pan": "1"},
    ],
)
def test_a_record_that_no_card_could_hold_cannot_be_built(change):
    with pytest.raises(StsError):
        replace(RECORD, **change)


@pytest.mark.parametrize("month", ["01", "12"])
def test_a_card_may_expire_in_any_month(month):
    assert replace(RECORD, expires="27" + month).expires == "27" + month


def test_the_reasons_are_said():
    for text, reason in (
        ("12", "it must be 35 digits; 2 characters were read"),
        (LINE[:22] + "00" + LINE[24:], "the token carrier (TCT) is two digits, and 00 is reserved"),
        (LINE[:20] + "13" + LINE[22:], "the date of expiry is two digits of the year and two of the month"),
    ):
        with pytest.raises(IdRecordWrong) as refusal:
            id_record.parse(text)
        assert refusal.value.fields == {"reason": reason}


def test_what_differs_from_what_is_known_is_named():
    assert id_record.differences(RECORD, RECORD) == ()
    assert id_record.differences(replace(RECORD, sgc="111111", krn=4), RECORD) == ("sgc", "krn")
    assert id_record.differences(replace(RECORD, pan=PAN_13, expires="0000"), RECORD) == ("pan", "expires")


def test_a_pan_is_kept_compact():
    assert replace(RECORD, pan="600727 57494724198 3").pan == PAN_11
