"""T-12: no bit of a key file can be changed unseen, and nothing it says helps who changed it.

Every single bit of a test file sealed at the KDF's floor; some bits at full cost; every truncation; records swapped,
replaced by an older version, given another description; wrong, missing and foreign shares.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import keystore_cast as cast
import pytest

from keystore import demonstration, making, seal
from keystore import format as layout
from keystore.errors import KeyFileUnusable, KeystoreError, SharesInvalid
from keystore.format import DAMAGED, FULL, TEST_FLOOR
from keystore.making import Custodian
from keystore.seal import WRONG, Opened

WORDS = demonstration.passphrases()


@pytest.fixture(scope="module")
def small() -> tuple[Opened, bytes]:
    """A file of about 4 kB with one vending key."""
    custodians = [Custodian(f"c{n}", text) for n, text in enumerate(WORDS, 1)]
    opened, _ = making.new_file(nature="test", threshold=2, custodians=custodians, kdf=TEST_FLOOR)
    opened = making.with_group(opened, "600100", "Building", 0)
    opened, _ = making.with_key(opened, demonstration.key_to_load(demonstration.public()["keys"][0]))
    return opened, seal.write(opened)


def opens(data: bytes, root: bytes | None = None) -> bool:
    try:
        if root is None:
            seal.unlock(data, WORDS[:2])
        else:
            seal.open_with_root(data, root)
    except KeystoreError as error:
        said = error.sentence
    else:
        return True
    assert said in (DAMAGED, WRONG)  # one text for all causes
    return False


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_single_bit(small: tuple[Opened, bytes]) -> None:
    """The root is worked out once for the bits outside the share slots: it depends on the slots alone."""
    opened, data = small
    assert opens(data)
    start, end = data.index(b'"slots":'), data.index(b'"suite":')
    undetected = [
        bit
        for bit in range(8 * len(data))
        if opens(flipped(data, bit), None if start <= bit // 8 < end else opened.root)
    ]
    assert undetected == []


def test_the_battery_catches_a_file_without_its_mac(
    small: tuple[Opened, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: if the MAC were not checked, flips in the description of the policy would pass."""
    opened, data = small
    monkeypatch.setattr(seal.hmac, "compare_digest", lambda a, b: True)
    at = data.index(b"Building")
    assert any(opens(flipped(data, 8 * at + bit), opened.root) for bit in range(8))


def test_every_truncation(small: tuple[Opened, bytes]) -> None:
    opened, data = small
    assert not any(opens(data[:length], opened.root) for length in range(len(data)))
    assert not opens(data + b"\n", opened.root)


def test_twenty_flips_at_full_cost() -> None:
    """One share is on paper, so that each try costs one Argon2id at 256 MiB."""
    custodians = [Custodian("one", WORDS[0]), Custodian("two", None)]
    opened, words = making.new_file(nature="live", threshold=2, custodians=custodians, kdf=FULL)
    data = seal.write(opened)
    assert seal.unlock(data, [words[1], WORDS[0]])
    chance = random.Random(12)
    for _ in range(20):
        with pytest.raises(KeystoreError):
            seal.unlock(flipped(data, chance.randrange(8 * len(data))), [words[1], WORDS[0]])


def test_a_live_file_at_the_floor_is_refused() -> None:
    custodians = [Custodian("one", WORDS[0]), Custodian("two", WORDS[1])]
    opened, _ = making.new_file(nature="live", threshold=2, custodians=custodians, kdf=TEST_FLOOR)
    with pytest.raises(KeyFileUnusable, match="full cost"):
        seal.unlock(seal.write(opened), WORDS[:2])
    assert FULL.m_kib == 256 * 1024


def test_records_swapped_replaced_or_described_anew(small: tuple[Opened, bytes]) -> None:
    opened, _ = small
    file = opened.file
    sign, seal_record, key = file.records
    older = Opened(making.with_state(opened, key.record_id, "suspended").file, opened.root)
    tampered = {
        "dropped": replace(file, records=(sign, seal_record)),
        "reordered": replace(file, records=(seal_record, sign, key)),
        "bytes swapped": replace(
            file,
            records=(replace(sign, sealed=seal_record.sealed), replace(seal_record, sealed=sign.sealed), key),
        ),
        "another supply group": replace(
            file, records=(sign, seal_record, replace(key, about=key.about | {"sgc": "600200"}))
        ),
        "an older version of a record": replace(older.file, records=file.records),
    }
    root = opened.root
    for name, changed in tampered.items():
        if name == "an older version of a record":
            continue
        assert not opens(layout.write(changed, seal.mac(opened.root, file)), root), name
    # With a MAC made anew (by whom holds the root) the descriptions still do not fit the sealed bytes.
    for name in ("bytes swapped", "another supply group"):
        changed = tampered[name]
        assert not opens(layout.write(changed, seal.mac(root, changed)), root), name


def test_wrong_missing_and_foreign_shares(small: tuple[Opened, bytes]) -> None:
    _, data = small
    with pytest.raises(SharesInvalid, match="2 different shares; 1 were given"):
        seal.unlock(data, WORDS[:1])
    with pytest.raises(SharesInvalid, match="2 different shares; 1 were given"):
        seal.unlock(data, [WORDS[0], WORDS[0]])
    with pytest.raises(SharesInvalid, match="do not open"):
        seal.unlock(data, [WORDS[0], "another passphrase"])
    for pair in ([0, 1], [0, 2], [2, 1]):
        assert seal.unlock(data, [WORDS[n] for n in pair])
    foreign = seal.split(seal.new_root(), 2, 3)
    with pytest.raises(SharesInvalid):
        seal.unlock(data, foreign[:2])
    mistyped = foreign[0].split()
    mistyped[3], mistyped[4] = mistyped[4], mistyped[3]
    with pytest.raises(SharesInvalid, match="not a share"):
        seal.unlock(data, [" ".join(mistyped), foreign[1]])


def test_no_error_and_no_representation_shows_key_bytes(small: tuple[Opened, bytes]) -> None:
    opened, data = small
    value = demonstration.public()["keys"][0]["value"]
    told = [repr(opened), repr(demonstration.key_to_load(demonstration.public()["keys"][0]))]
    for text in ("nothing", " ".join(["academic"] * 33)):
        with pytest.raises(KeystoreError) as error:
            seal.unlock(data, [text, WORDS[0]])
        told.append(str(error.value))
    assert not any(value in text or opened.root.hex() in text or WORDS[0] in text for text in told)


def test_a_file_that_asks_for_too_much_memory_is_not_a_file(small: tuple[Opened, bytes]) -> None:
    _, data = small
    assert not opens(data.replace(b'"m_kib":32', b'"m_kib":99999999'))


def test_an_older_generation_is_refused_by_the_log(folder: Path) -> None:
    from keystore import store

    path = folder / demonstration.KEY_FILE
    old = path.read_bytes()
    opened = seal.unlock(old, WORDS[:2])
    record = next(r for r in opened.file.records if r.kind == "vending")
    store.save(path, opened, making.with_state(opened, record.record_id, "suspended"))
    module = cast.Module(folder)
    module.close()
    path.write_bytes(old)
    with pytest.raises(KeyFileUnusable, match="generation 1, but the log has seen generation 2"):
        cast.Module(folder)
