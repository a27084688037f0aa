"""The known-answer interface: its lines, its refusals, and that nothing but a refusal ever leaves it."""

import contextlib
import io
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sts_oracle import naive

from sts import answer
from sts.errors import InputMissing, NotHexadecimal, OutOfRange, StsError, Unsupported, WrongType

KEY_11 = "ce7316df72b56e848a223607dd54ab20"
CREDIT = {
    "subclass": 0,
    "ea": "11",
    "decoder_key": KEY_11,
    "tid": 13291308,
    "rnd": 2,
    "amount_tenths": 1208466,
}


def ask(*lines):
    answers = io.StringIO()
    answer.serve(io.BytesIO(b"".join(lines)), answers)
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def question(kind, inputs, identity=1):
    return json.dumps({"id": identity, "kind": kind, "inputs": inputs}).encode() + b"\n"


def test_one_line_comes_out_for_every_line_in_and_in_order():
    came = ask(
        question("amount_field", {"amount_tenths": 5}, "a"), b"\n", b"nonsense\n", question("x", {}, 7)
    )
    assert came[0] == {"id": "a", "result": {"field": "0005", "decoded_tenths": 5}}
    assert [line["id"] for line in came] == ["a", None, None, 7]
    assert [line["error"]["code"] for line in came[1:]] == ["bad_json", "bad_json", "unknown_kind"]
    assert all(line["error"]["message"] for line in came[1:])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", None),
        (b"[]\n", "bad_json"),
        (b"5\n", "bad_json"),
        (b"null\n", "bad_json"),
        (b'{"id": 1\n', "bad_json"),
        (b"\xff\xfe{}\n", "bad_json"),
        (b"{" * 100_000 + b"\n", "bad_json"),
        (b"[" * 100_000 + b"\n", "bad_json"),
        (b'{"id": ' + b"9" * 5000 + b"}\n", "bad_json"),
        (b"{}\n", "unknown_kind"),
        (b'{"kind": ["credit"]}\n', "unknown_kind"),
        (b'{"kind": {"a": 1}}\n', "unknown_kind"),
        (b'{"kind": "credit"}\n', "type"),
        (b'{"kind": "credit", "inputs": []}\n', "type"),
        (b'{"kind": "credit", "inputs": {}}\n', "input_missing"),
        (b'{"id": [1], "kind": "credit"}\n', "type"),
        (b'{"id": 1.5, "kind": "credit"}\n', "type"),
        (b'{"id": NaN, "kind": "credit"}\n', "type"),
    ],
)
def test_a_line_that_is_no_question_gets_an_error(line, code):
    came = ask(line)
    assert [entry["error"]["code"] for entry in came] == ([code] if code else [])


def test_a_line_without_end_is_not_kept():
    long = b'{"id": "' + b"x" * (3 * answer.LONGEST_LINE) + b'"}\n'
    came = ask(long, question("amount_field", {"amount_tenths": 5}))
    assert [entry["id"] for entry in came] == [None, 1]
    assert came[0]["error"]["code"] == "bad_json"
    edge = b'{"id": "' + b"x" * (answer.LONGEST_LINE - 11) + b'"}\n'
    assert len(edge) == answer.LONGEST_LINE
    assert [entry["error"]["code"] for entry in ask(edge, edge)] == ["unknown_kind"] * 2
    assert ask(b"x" * (2 * answer.LONGEST_LINE))[0]["error"]["code"] == "bad_json"


def test_every_line_is_flushed_before_the_next_is_read():
    process = subprocess.Popen(
        [sys.executable, "-m", "sts", "answer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        for number in range(3):
            process.stdin.write(question("amount_field", {"amount_tenths": number}, number))
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.stdout.close()


def test_hexadecimal_comes_in_any_case_minimal_or_padded():
    short = answer.answer("ea07_encrypt", {"decoder_key": "ABC", "block": "1"})
    assert short == answer.answer(
        "ea07_encrypt", {"decoder_key": "0" * 30 + "abc", "block": "0000000000000001"}
    )
    assert answer.answer("class1", {"subclass": 0, "control": "0" * 20 + "1", "mfr_field_raw": 0}) == {
        "token": "00000000000150997584"
    }
    assert answer.answer("insert_class_bits", {"block": "0", "token_class": 0}) == {
        "token66_hex": "0" * 17,
        "token": "0" * 20,
    }
    assert answer.answer("crc16", {"bytes": "00004a2D900ff2"}) == {"crc": "0ffa"}


@pytest.mark.parametrize("text", ["0x1", "", " 1", "1 ", "g", "\u0661", "-1", "1_0"])
def test_what_is_no_hexadecimal_is_refused(text):
    with pytest.raises(NotHexadecimal):
        answer.answer("ea07_encrypt", {"decoder_key": "1", "block": text})


@pytest.mark.parametrize("text", ["123", "0x", "gg", "\u0661\u0661", "00 00"])
def test_bytes_are_pairs_of_hexadecimal_digits(text):
    with pytest.raises(NotHexadecimal) as refusal:
        answer.answer("crc16", {"bytes": text})
    assert refusal.value.fields == {"what": "bytes"}


def test_the_currency_checksum_adds_its_byte_to_a_bare_message():
    for text in ("00004A2D900FF2", "00004A2D900FF201"):
        assert answer.answer("crc16_currency", {"bytes": text}) == {"crc": "7bc4"}
    assert answer.answer("crc16", {"bytes": ""}) == {"crc": "ffff"}


def test_an_input_is_named_when_it_is_missing_or_of_the_wrong_type():
    for name in CREDIT:
        with pytest.raises(InputMissing) as missing:
            answer.answer("credit", {k: v for k, v in CREDIT.items() if k != name})
        assert missing.value.fields == {"name": name}
    with pytest.raises(WrongType) as wrong:
        answer.answer("credit", CREDIT | {"decoder_key": 5})
    assert wrong.value.fields == {"what": "decoder_key", "expected": "text", "found": "int"}
    with pytest.raises(WrongType) as wrong:
        answer.answer("credit", CREDIT | {"tid": "5"})
    assert wrong.value.fields == {"what": "tid", "expected": "a whole number", "found": "str"}
    with pytest.raises(WrongType) as wrong:
        answer.answer("credit", [])
    assert wrong.value.fields == {"what": "inputs", "expected": "an object", "found": "list"}
    with pytest.raises(OutOfRange) as wide:
        answer.answer("ea07_encrypt", {"decoder_key": "1", "block": "1" + "0" * 16})
    assert wide.value.fields == {"what": "block", "low": 0, "high": "2^64 - 1"}


def test_amounts_are_rounded_up_at_this_level():
    question = {"subclass": 0, "ea": "11", "decoder_key": KEY_11, "tid": 1, "rnd": 0}
    assert answer.answer("credit", question | {"amount_tenths": 16385}) == answer.answer(
        "credit", question | {"amount_tenths": 16394}
    )
    watts = {k: v for k, v in question.items() if k != "subclass"}
    for subclass in (0, 6):
        setting = watts | {"subclass": subclass}
        assert answer.answer("class2", setting | {"value": 16385}) == answer.answer(
            "class2", setting | {"value": 16394}
        )
    for subclass in (1, 2, 5, 7):
        setting = watts | {"subclass": subclass}
        token = answer.answer("class2", setting | {"value": 16385})["token"]
        assert _decode(token)["value"] == 16385


def test_the_reserved_minute_can_be_encoded_here():
    token = answer.answer("credit", CREDIT | {"tid": 1, "amount_tenths": 5})["token"]
    assert _decode(token) == {"token_class": 0, "subclass": 0, "rnd": 2, "tid": 1, "amount_tenths": 5}


def test_flags_may_be_numbers_or_booleans():
    inputs = {
        "ea": "07",
        "current_decoder_key": "624dfbb5290b0fd1",
        "new_decoder_key": "8ea5a2ca5452c14d",
        "ken": 255,
        "krn": 2,
        "rollover": 0,
        "flag_3kct": 0,
        "kt": 1,
        "ti": "53",
    }
    assert answer.answer("key_change_2", inputs) == answer.answer(
        "key_change_2", inputs | {"rollover": False, "flag_3kct": False}
    )
    for name in ("rollover", "flag_3kct"):
        on = answer.answer("key_change_2", inputs | {name: 1})
        assert on == answer.answer("key_change_2", inputs | {name: True})
        first = {"token": on["tokens"][0], "ea": "07", "decoder_key": inputs["current_decoder_key"]}
        fields = answer.answer("decode", first)
        assert (fields["rollover"], fields["flag_3kct"]) == (
            int(name == "rollover"),
            int(name == "flag_3kct"),
        )
        for wrong in (2, -1, "1"):
            with pytest.raises(StsError):
                answer.answer("key_change_2", inputs | {name: wrong})


def _decode(token, ea="11", key=KEY_11):
    return answer.answer("decode", {"token": token, "ea": ea, "decoder_key": key})


def test_decode_names_every_field():
    assert answer.answer("decode", {"token": "56493153725450313471"}) == {
        "token_class": 1,
        "subclass": 0,
        "control": "fffffffff",
        "mfr_field_raw": 0,
    }
    test = answer.answer("class1", {"subclass": 1, "control": "1000", "mfr_field_raw": 7588})["token"]
    assert answer.answer("decode", {"token": test}) == {
        "token_class": 1,
        "subclass": 1,
        "control": "0001000",
        "mfr_field_raw": 7588,
    }
    money = {k: v for k, v in CREDIT.items() if k not in ("rnd", "amount_tenths")} | {"subclass": 5}
    token = answer.answer("currency_credit", money | {"amount_1e5": -16385})["token"]
    assert _decode(token) == {"token_class": 0, "subclass": 5, "tid": 13291308, "amount_1e5": -16394}
    change = {
        "ea": "11",
        "current_decoder_key": KEY_11,
        "new_decoder_key": "00112233445566778899aabbccddeeff",
        "ken": 0x9C,
        "krn": 7,
        "rollover": 1,
        "flag_3kct": 0,
        "kt": 2,
        "ti": "03",
        "sgc": "696198",
    }
    tokens = answer.answer("key_change_4", change)["tokens"]
    assert [_decode(token) for token in tokens] == [
        {
            "token_class": 2,
            "subclass": 3,
            "ken_high": 9,
            "krn": 7,
            "rollover": 1,
            "flag_3kct": 0,
            "kt": 2,
            "key_part": "00112233",
        },
        {"token_class": 2, "subclass": 4, "ken_low": 12, "ti": "03", "key_part": "ccddeeff"},
        {"token_class": 2, "subclass": 8, "sgc_low": 0xF86, "key_part": "44556677"},
        {"token_class": 2, "subclass": 9, "sgc_high": 0xA9, "key_part": "8899aabb"},
    ]


def test_decode_needs_a_key_only_for_what_is_enciphered():
    token = answer.answer("credit", CREDIT)["token"]
    with pytest.raises(InputMissing):
        answer.answer("decode", {"token": token})
    assert (
        answer.answer("decode", {"token": "00000000000150997584", "ea": "11", "decoder_key": KEY_11})[
            "control"
        ]
        == "000000001"
    )


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "format"),
        ("1" * 19, "format"),
        ("1" * 21, "format"),
        ("5773 5047 7032 7963 6026", "format"),
        ("9" * 20, "format"),
        ("57735047703279636027", "crc"),
        (naive.digits(naive.with_class("1" * 64, 3)), "unsupported"),
        (naive.digits(naive.with_class(naive.block(1, 2, 0), 1)), "unsupported"),
        (naive.digits(naive.with_class(naive.block(1, 6, 0), 1)), "unsupported"),
    ],
)
def test_decode_has_three_codes_of_refusal(token, code):
    line = question("decode", {"token": token, "ea": "11", "decoder_key": KEY_11})
    assert ask(line)[0]["error"]["code"] == code


def test_unsupported_says_what_it_is():
    with pytest.raises(Unsupported) as refusal:
        answer.answer("decode", {"token": naive.digits(naive.with_class(naive.block(1, 6, 0), 1))})
    assert refusal.value.fields == {"token_class": 1, "subclass": 6, "standing": "left to manufacturers"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("00112233445566778899aabbccddeeff"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted(
    {
        "iin",
        "mfr_and_serial",
        "bytes",
        "amount_tenths",
        "block",
        "token_class",
        "vending_key",
        "drn",
        "kt",
        "sgc",
        "ti",
    }
    | {
        "krn",
        "ea",
        "base_date",
        "decoder_key",
        "subclass",
        "tid",
        "rnd",
        "amount_1e5",
        "control",
        "mfr_field_raw",
        "value",
    }
    | {"current_decoder_key", "new_decoder_key", "ken", "rollover", "flag_3kct", "token"}
)
PLAUSIBLE = st.sampled_from(
    [
        "07",
        "11",
        "600727",
        "0000",
        "57494724198",
        "12",
        "123456",
        "ff",
        "0" * 20,
        0,
        1,
        2,
        3,
        2014,
        1 << 70,
        -1,
    ]
)


@settings(max_examples=600)
@given(
    st.sampled_from(sorted(answer.KINDS)),
    st.dictionaries(st.sampled_from(NAMES), PLAUSIBLE | JSON, max_size=14),
)
def test_whatever_is_asked_nothing_but_a_refusal_comes_out(kind, inputs):
    with contextlib.suppress(StsError):
        json.dumps(answer.answer(kind, inputs))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["id", "kind", "inputs"]), JSON) | JSON)
def test_whatever_a_line_says_one_line_comes_out(content):
    (came,) = ask(json.dumps(content).encode() + b"\n")
    assert set(came) in ({"id", "result"}, {"id", "error"})


@settings(max_examples=300)
@given(st.binary(max_size=200).filter(lambda line: b"\n" not in line))
def test_whatever_bytes_a_line_holds_one_line_comes_out(line):
    (came,) = ask(line + b"\n")
    assert set(came) in ({"id", "result"}, {"id", "error"})


MEASURED = """
import resource, subprocess, sys
lines, count = sys.stdin.buffer.read().splitlines(keepends=True), int(sys.argv[1])
child = subprocess.Popen([sys.executable, "-m", "sts", "answer"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
for at in range(count):
    child.stdin.write(lines[at % len(lines)])
child.stdin.close()
child.wait()
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _megabytes(count):
    """The most memory that the answering process held."""
    from sts.vectors import shipped_files

    lines = shipped_files()[0].read_bytes()
    run = subprocess.run(
        [sys.executable, "-c", MEASURED, str(count)], input=lines, capture_output=True, check=True
    )
    return int(run.stdout) / 1024


def test_many_lines_need_no_more_memory_than_few():
    assert _megabytes(20_000) < 100


@pytest.mark.long
def test_a_million_lines_need_no_more_memory_than_few():
    assert _megabytes(1_000_000) < 100
