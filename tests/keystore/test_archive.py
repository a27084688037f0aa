"""An archive opens whole or not at all: flipped bits, cut ends, growing files, full disks, the wrong key."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from keystore import archive
from keystore.archive import Piece
from keystore.errors import KeystoreError


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, str]:
    secret, public = archive.new_identity()
    identity = tmp_path / "offline.key"
    identity.write_text(secret)
    return identity, public


def written(tmp_path: Path, public: str, **pieces: bytes) -> Path:
    found = [Piece.of_bytes(name, data) for name, data in pieces.items()]
    return archive.write(tmp_path / "a.age", public, found, {"holds": "test"}).path


def test_what_goes_in_comes_out(tmp_path: Path, pair: tuple[Path, str]) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(3_000_001))
    pieces = [
        Piece.of_file("database/ampoule.db", large),
        Piece.of_bytes("site/empty", b""),
        Piece.of_lines("log/missing", tmp_path / "missing"),
    ]
    told: list[tuple[int, int]] = []
    made = archive.write(tmp_path / "a.age", pair[1], pieces, {"a": 1}, lambda *at: told.append(at))
    found = archive.unpack(made.path, pair[0], tmp_path / "out")
    assert found.facts == {"a": 1}
    assert found.names == ("database/ampoule.db", "site/empty", "log/missing")
    assert (tmp_path / "out/database/ampoule.db").read_bytes() == large.read_bytes()
    assert (tmp_path / "out/database/ampoule.db").stat().st_mode & 0o777 == 0o600
    assert told[-1] == (3_000_001, 3_000_001)
    name, digest = made.path.name, archive.beside(made.path).read_text().split()[0]
    assert archive.beside(made.path).read_text() == f"{digest}  {name}\n"
    assert archive.digest_on_disk(made.path) == digest == made.sha256


def test_every_flipped_bit_is_found(tmp_path: Path, pair: tuple[Path, str]) -> None:
    whole = bytearray(written(tmp_path, pair[1], one=b"x" * 500, two=os.urandom(200)).read_bytes())
    chance = random.Random(20261128)
    damaged = tmp_path / "damaged.age"
    # All bits of a few places and some bits of all: the header, the first and the last bytes are the interesting ones.
    places = [*range(8 * 24), *range(8 * (len(whole) - 24), 8 * len(whole))]
    places += chance.sample(range(8 * len(whole)), 300)
    for number, bit in enumerate(places):
        whole[bit // 8] ^= 1 << (bit % 8)
        damaged.write_bytes(whole)
        whole[bit // 8] ^= 1 << (bit % 8)
        with pytest.raises(KeystoreError):
            archive.unpack(damaged, pair[0], tmp_path / f"out{number}")
    damaged.write_bytes(whole)
    assert archive.unpack(damaged, pair[0], tmp_path / "out").names == ("one", "two")


def test_a_cut_end_is_found_at_every_length(tmp_path: Path, pair: tuple[Path, str]) -> None:
    whole = written(tmp_path, pair[1], one=os.urandom(70_000)).read_bytes()
    for length in [0, 1, 50, *range(200, len(whole), 3001), len(whole) - 16, len(whole) - 1]:
        cut = tmp_path / "cut.age"
        cut.write_bytes(whole[:length])
        with pytest.raises(KeystoreError):
            archive.unpack(cut, pair[0], tmp_path / f"out{length}")


def test_the_wrong_key_is_said_to_be_wrong(tmp_path: Path, pair: tuple[Path, str]) -> None:
    other = tmp_path / "other.key"
    other.write_text(archive.new_identity()[0])
    with pytest.raises(KeystoreError, match="not enciphered to this identity"):
        archive.unpack(written(tmp_path, pair[1], one=b"1"), other, tmp_path / "out")
    other.write_text("nothing")
    with pytest.raises(KeystoreError, match="not an age identity"):
        archive.unpack(tmp_path / "a.age", other, tmp_path / "out")
    with pytest.raises(KeystoreError, match="not an age public key"):
        archive.check_recipient("age1nobody")


def test_a_back_up_that_was_interrupted_leaves_nothing_that_looks_whole(
    tmp_path: Path, pair: tuple[Path, str]
) -> None:
    shrinking = tmp_path / "shrinking"
    shrinking.write_bytes(os.urandom(100_000))
    piece = Piece.of_file("one", shrinking)
    shrinking.write_bytes(b"short")
    with pytest.raises(KeystoreError, match="shorter while it was backed up"):
        archive.write(tmp_path / "a.age", pair[1], [piece], {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["offline.key", "shrinking"]


def test_a_full_disk_is_an_error_of_the_disk_and_leaves_nothing(
    tmp_path: Path, pair: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            archive.write(tmp_path / "a.age", pair[1], [Piece.of_bytes("one", os.urandom(200_000))], {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert [path.name for path in tmp_path.iterdir()] == ["offline.key"]


def test_a_back_up_never_overwrites_another(tmp_path: Path, pair: tuple[Path, str]) -> None:
    written(tmp_path, pair[1], one=b"1")
    with pytest.raises(KeystoreError, match="never overwrites"):
        written(tmp_path, pair[1], one=b"2")


def test_lines_that_are_being_appended_belong_to_the_next_back_up(
    tmp_path: Path, pair: tuple[Path, str]
) -> None:
    log = tmp_path / "entries.log"
    log.write_bytes(b"one\ntwo\nthr")
    piece = Piece.of_lines("log", log)
    with log.open("ab") as file:
        file.write(b"ee\nfour\n")
    made = archive.write(tmp_path / "a.age", pair[1], [piece], {})
    archive.unpack(made.path, pair[0], tmp_path / "out")
    assert (tmp_path / "out/log").read_bytes() == b"one\ntwo\n"


def test_a_disk_that_gives_back_other_bytes_is_found_while_writing(
    tmp_path: Path, pair: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = archive.digest_on_disk

    def spoiled(path: Path) -> str:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        return real(path)

    monkeypatch.setattr(archive, "digest_on_disk", spoiled)
    with pytest.raises(KeystoreError, match="is not what was written"):
        written(tmp_path, pair[1], one=os.urandom(1000))
    assert not (tmp_path / "a.age").exists()
