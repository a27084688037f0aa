"""The command line: what it shows, its JSON, its exit status, and that keys stay in files."""

import json
import subprocess
import sys

import pytest
from sts_cast import PAN_11

from sts import cli

TOKEN = "00856019948722531347"
KEY = 'ea = "07"\ndecoder_key = "cd74cbe981301959"\nbase_date = 2014\n'
DERIVED = """
ea = "11"
pan = "600727356562476957"
ti = "81"
dkga = "04"
vending_key = "2698882864ec5223aa651c5332ceac14458fc8eb"
sgc = "541554"
krn = 8
base_date = 2014
"""


@pytest.fixture
def key_file(tmp_path):
    path = tmp_path / "key.toml"
    path.write_text(KEY)
    return str(path)


def run(capsys, *arguments):
    status = cli.main(arguments)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


def run_json(capsys, *arguments):
    status, out, err = run(capsys, *arguments, "--json")
    assert err == ""
    return status, json.loads(out)


def test_explain_shows_the_structure_without_a_key(capsys):
    status, rows = run_json(capsys, "explain", "0085 6019 9487 2253 1347")
    assert status == 0
    assert rows == {
        "token": "0085 6019 9487 2253 1347",
        "class": "0: credit",
        "verdict": "Tokens of class 0 are enciphered; the meter's decoder key is needed.",
    }


def test_explain_shows_every_field_with_a_key(capsys, key_file):
    status, rows = run_json(capsys, "explain", TOKEN, "--key-file", key_file, "--offset=+02:00")
    assert status == 0
    assert rows == {
        "token": "0085 6019 9487 2253 1347",
        "class": "0: credit",
        "block": "05e1b0a300373077",
        "subclass": "0: credit",
        "service": "electricity",
        "amount": "5.5 kWh",
        "rnd": 5,
        "tid": 14790819,
        "time": "2042-02-14 09:39 +0200",
        "reserved minute": False,
        "verdict": "Sound, and this key may carry it.",
    }
    status, out, _ = run(capsys, "explain", TOKEN, "--key-file", key_file)
    assert status == 0
    assert "amount           5.5 kWh\n" in out
    assert "reserved minute  no\n" in out


def test_explain_says_why_a_token_is_refused(capsys, key_file, tmp_path):
    status, rows = run_json(capsys, "explain", "00856019948722531348", "--key-file", key_file)
    assert (status, rows["refused"]) == (1, "crc")
    for digits, code in (
        ("0085", "token_length"),
        ("9" * 20, "token_too_large"),
        ("x" * 20, "token_not_digits"),
    ):
        status, answer = run_json(capsys, "explain", digits)
        assert (status, answer["error"]["code"]) == (1, code)
    default = tmp_path / "default.toml"
    default.write_text(KEY + "key_type = 1\n")
    status, rows = run_json(capsys, "explain", TOKEN, "--key-file", str(default))
    assert (status, rows["refused"], rows["amount"]) == (1, "key_type", "5.5 kWh")
    default.write_text(KEY + "ken = 1\n")
    status, rows = run_json(capsys, "explain", TOKEN, "--key-file", str(default))
    assert (status, rows["refused"]) == (1, "key_expired")


def test_a_meter_test_is_explained_to_everybody(capsys):
    status, rows = run_json(capsys, "explain", "56493153725450313471")
    assert status == 0
    assert (rows["tests"], rows["manufacturer"]) == ("everything", "any")


def test_a_key_may_be_derived(capsys, tmp_path):
    from sts import engine, key_file, tokens

    path = tmp_path / "key.toml"
    path.write_text(DERIVED)
    key = key_file.load(path)
    assert key.value.hex() == "9b1bac4ceae2a6646a79f5ee05e9bc82"
    digits = engine.encode(tokens.PowerLimit(1, 2, 3000), key)
    status, rows = run_json(capsys, "explain", digits, "--key-file", str(path))
    assert (status, rows["limit"]) == (0, "3000 W")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no toml", "it is not TOML"),
        ("", "it must hold either decoder_key or vending_key"),
        (KEY + 'vending_key = "00"\n', "it must hold either decoder_key or vending_key"),
        (KEY.replace("cd74", "xx"), "decoder_key must be hexadecimal digits in quotes"),
        (KEY + "colour = 1\n", "it has an entry that is not known: colour"),
        (KEY.replace('ea = "07"', ""), "the entry ea is missing"),
        (KEY.replace("base_date = 2014", ""), "the entry base_date is missing"),
        (DERIVED.replace("krn = 8", ""), "the entry krn is missing"),
        ("decoder_key = 5", "decoder_key must be hexadecimal digits in quotes"),
    ],
)
def test_a_key_file_that_is_wrong_is_refused_without_its_key(capsys, tmp_path, content, reason):
    path = tmp_path / "key.toml"
    path.write_text(content)
    status, out, err = run(capsys, "explain", TOKEN, "--key-file", str(path))
    assert (status, out) == (1, "")
    assert err == f"The key file cannot be used: {reason}.\n"
    assert "981301959" not in err


@pytest.mark.parametrize(
    "change", ['key_type = "x"', "krn = 0", 'sgc = "1"', 'ti = "1"', "ken = 300", "krn = 1.5", "sgc = 5"]
)
def test_a_part_of_a_key_that_is_wrong_is_refused(capsys, tmp_path, change):
    path = tmp_path / "key.toml"
    path.write_text(KEY + change)
    assert run(capsys, "explain", TOKEN, "--key-file", str(path))[0] == 1


def test_a_key_file_that_is_not_there_is_refused(capsys, tmp_path):
    status, _, err = run(capsys, "explain", TOKEN, "--key-file", str(tmp_path / "none"))
    assert (status, err) == (1, "The key file cannot be used: it cannot be read (FileNotFoundError).\n")


@pytest.mark.parametrize("number", ["5749472419", "57494724198", "600727574947241983", "57 4947 2419 8"])
def test_pan_completes_and_takes_apart(capsys, number):
    assert run_json(capsys, "pan", number) == (
        0,
        {
            "pan": PAN_11,
            "pan for people": "600727 57494724198 3",
            "iin": "600727",
            "drn": "57494724198",
            "drn for people": "57 4947 2419 8",
            "manufacturer": "57",
        },
    )


def test_pan_knows_both_issuers_and_refuses_a_wrong_digit(capsys):
    assert run_json(capsys, "pan", "740289654865")[1]["pan"] == "000074028965486592"
    assert run_json(capsys, "pan", "7402896548659")[1]["iin"] == "0000"
    status, answer = run_json(capsys, "pan", "57494724199")
    assert (status, answer["error"]["code"]) == (1, "check_digit")
    assert run(capsys, "pan", "5")[0] == 1


def test_tid_goes_both_ways(capsys):
    expected = {
        "tid": 6778500,
        "base date": 2014,
        "time": "2026-11-21T07:00+00:00",
        "absolute minute": 17823300,
        "reserved minute": False,
        "lowest KEN": 103,
        "last minute": "2045-11-24T20:15+00:00",
    }
    assert run_json(capsys, "tid", "2026-11-21T09:00+02:00") == (0, expected)
    assert run_json(capsys, "tid", "6778500") == (0, expected)
    local = run_json(capsys, "tid", "2026-11-21T09:00+02:00", "--offset=+02:00")[1]
    assert (local["tid"], local["time"]) == (6778620, "2026-11-21T09:00+02:00")
    assert run_json(capsys, "tid", "1", "--base", "1993")[1]["reserved minute"] is True


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("tid", "yesterday"), "argument"),
        (("tid", "2026-11-21T07:00"), "time_zone"),
        (("tid", "2050-01-01T00:00Z"), "time_after_last"),
        (("tid", "5", "--base", "2015"), "base_date"),
        (("tid", "99999999"), "range"),
        (("tid", "5", "--offset=2"), "argument"),
        (("tid", "5", "--offset=+24:00"), "argument"),
        (("tid", "5", "--offset=+01:60"), "argument"),
        (("tid", "5", "--offset=+1x:00"), "argument"),
        (("tid", "5", "--offset=01:00"), "argument"),
        (("amount", "ten"), "argument"),
        (("amount", "1.55"), "argument"),
        (("amount", "NaN"), "argument"),
        (("amount", "1e999999999"), "argument"),
        (("amount", "2000000"), "amount_too_large"),
        (("amount", "--", "-1"), "amount_negative"),
        (("amount", "1.000001", "--currency"), "argument"),
        (("id-record", "1"), "id_record"),
        (("tables", "/nonexistent"), "tables"),
        (("vectors", "/nonexistent"), "vector_file"),
    ],
)
def test_a_refusal_is_one_sentence_and_a_status(capsys, arguments, code):
    at = arguments.index("--") if "--" in arguments else len(arguments)
    status, answer = run_json_at(capsys, arguments, at)
    assert (status, answer["error"]["code"]) == (1, code)
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (1, "")
    assert err == answer["error"]["message"] + "\n"


def run_json_at(capsys, arguments, at):
    status, out, _ = run(capsys, *arguments[:at], "--json", *arguments[at:])
    return status, json.loads(out)


def test_offsets_west_of_greenwich(capsys):
    assert run_json(capsys, "tid", "0", "--offset=-03:30")[1]["time"] == "2014-01-01T00:00-03:30"


def test_amount_shows_the_steps(capsys):
    assert run_json(capsys, "amount", "1638.5") == (
        0,
        {
            "tenths": 16385,
            "field": "4001",
            "exact": False,
            "down": "1638.4",
            "up": "1639.4",
            "largest": "1820162.4",
        },
    )
    assert run_json(capsys, "amount", "-0.5", "--currency") == (
        0,
        {
            "hundred-thousandths": -50000,
            "sign and exponent": "8",
            "field": "4d22",
            "exact": False,
            "down": "-0.49994",
            "up": "-0.50004",
        },
    )
    status, out, _ = run(capsys, "amount", "1")
    assert (status, "exact    yes\n" in out) == (0, True)


def test_an_id_record_is_read(capsys):
    status, rows = run_json(capsys, "id-record", f";{PAN_11}=00000211098838073?")
    assert (status, rows["sgc"], rows["krn"], rows["record"]) == (
        0,
        "098838",
        3,
        PAN_11 + "00000211098838073",
    )


def test_tables_are_checked(capsys, tmp_path):
    path = tmp_path / "tables.toml"
    path.write_text(
        f"first_substitution = {list(range(16))}\nsecond_substitution = {list(range(16))}\npermutation = {list(range(64))}\n"
    )
    assert run_json(capsys, "tables", str(path)) == (0, {"name": "licensed", "check": "0123456789abcdef"})
    status, rows = run_json(capsys, "explain", TOKEN, "--tables", str(path))
    assert (status, rows["class"]) == (0, "0: credit")


def test_vectors_count_what_passed_and_what_failed(capsys, tmp_path):
    status, rows = run_json(capsys, "vectors")
    assert (status, rows["failed"]) == (0, 0)
    assert rows["published.jsonl"] == 65
    planted = tmp_path / "planted.jsonl"
    planted.write_text(
        '{"id": "good", "kind": "amount_field", "inputs": {"amount_tenths": 5}, "expected": {"field": "0005", "decoded_tenths": 5}}\n'
        '{"id": "bad", "kind": "amount_field", "inputs": {"amount_tenths": 5}, "expected": {"field": "0006", "decoded_tenths": 5}}\n'
    )
    assert run_json(capsys, "vectors", str(planted)) == (
        1,
        {"planted.jsonl": 1, "passed": 1, "failed": 1, "failures": ["planted.jsonl: bad (amount_field)"]},
    )
    assert "  planted.jsonl: bad (amount_field)" in run(capsys, "vectors", str(planted))[1]


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["explain"]])
def test_a_command_that_is_none_is_not_understood(arguments, capsys):
    with pytest.raises(SystemExit) as leaving:
        cli.main(arguments)
    assert leaving.value.code == 2
    assert "usage: python -m sts" in capsys.readouterr().err


def test_the_module_runs():
    good = subprocess.run(
        [sys.executable, "-m", "sts", "pan", PAN_11], capture_output=True, text=True, check=False
    )
    assert (good.returncode, good.stdout.splitlines()[0].split()) == (0, ["pan", PAN_11])
    bad = subprocess.run(
        [sys.executable, "-m", "sts", "pan", "1"], capture_output=True, text=True, check=False
    )
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("A meter PAN has 18 digits")


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m sts pan {PAN_11} | true; {sys.executable} -m sts answer </dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
