"""A licensee's tables: read, used, and refused unless they are substitutions and a permutation."""

import pytest
from sts_cast import decoder_key

from sts import ciphers, engine, tokens
from sts.ciphers import sta, table_file
from sts.errors import CrcWrong, TablesWrong

FIRST = [*range(1, 16), 0]
SECOND = list(range(15, -1, -1))
PERMUTATION = list(range(63, -1, -1))


def text(first=FIRST, second=SECOND, permutation=PERMUTATION, more=""):
    return (
        f"first_substitution = {first}\nsecond_substitution = {second}\npermutation = {permutation}\n{more}"
    )


def test_tables_are_read_and_make_other_tokens_than_the_sample(tmp_path):
    path = tmp_path / "tables.toml"
    path.write_text(text(more='name = "ours"'))
    tables = table_file.load(path)
    assert tables == sta.Tables(tuple(FIRST), tuple(SECOND), tuple(PERMUTATION), "ours")
    token, key = tokens.Credit(0, 5, 1000, 100), decoder_key("07")
    licensed = ciphers.by_tables(tables)
    digits = engine.encode(token, key, ciphers=licensed)
    assert engine.decode(digits, key, ciphers=licensed) == token
    assert engine.encode(token, key, ciphers=ciphers.reference(tables)) == digits
    with pytest.raises(CrcWrong):
        engine.decode(digits, key)


def test_the_name_is_licensed_unless_it_is_given():
    assert table_file.parse(text()).name == "licensed"


def test_the_check_finds_a_mistake_that_is_still_a_permutation():
    right = table_file.check_value(table_file.parse(text()))
    assert table_file.parse(text(more=f'check = "{right}"'))
    exchanged = [PERMUTATION[1], PERMUTATION[0], *PERMUTATION[2:]]
    for wrong in (
        text(permutation=exchanged, more=f'check = "{right}"'),
        text(more='check = "0"'),
        text(more="check = 5"),
    ):
        with pytest.raises(TablesWrong) as refusal:
            table_file.parse(wrong)
        assert refusal.value.fields == {
            "reason": "the check does not match; compare the tables with their source"
        }


def test_the_check_of_the_sample_tables():
    expected = sta.encipher(sta.SAMPLE, bytes.fromhex("0123456789abcdef"), 0x0123456789ABCDEF)
    assert table_file.check_value(sta.SAMPLE) == f"{expected:016x}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("no toml", "it is not TOML"),
        (text(first=FIRST[:-1]), "first_substitution must hold each number from 0 to 15 exactly once"),
        (text(first=[*FIRST[:-1], 1]), "first_substitution must hold each number from 0 to 15 exactly once"),
        (
            text(second=[*SECOND[:-1], 16]),
            "second_substitution must hold each number from 0 to 15 exactly once",
        ),
        (
            text(permutation=[*PERMUTATION[:-1], 64]),
            "permutation must hold each number from 0 to 63 exactly once",
        ),
        (text(first="5"), "first_substitution must be a list of 16 whole numbers"),
        (text(first='["a"]'), "first_substitution must be a list of 16 whole numbers"),
        (text(first=[*FIRST[:-1], 0.0]), "first_substitution must be a list of 16 whole numbers"),
        (text(first="[true, false]"), "first_substitution must be a list of 16 whole numbers"),
        ("", "first_substitution must be a list of 16 whole numbers"),
        (text(more="name = 5"), "the name must be text"),
        (text(more="key = 1"), "it has an entry that is not known: key"),
    ],
)
def test_what_are_no_tables_is_refused_with_the_reason(content, reason):
    with pytest.raises(TablesWrong) as refusal:
        table_file.parse(content)
    assert refusal.value.fields == {"reason": reason}


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(TablesWrong, match="FileNotFoundError"):
        table_file.load(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(TablesWrong, match="UnicodeDecodeError"):
        table_file.load(tmp_path / "binary.toml")
