"""A back-up as one file: many pieces in, enciphered to an offline key, and out again with every byte judged.

The file is tar, packed with zstandard, enciphered by age to one public key whose secret half never comes near this
machine. age judges every 64 KiB and the end, so a flipped bit, a lost tail or a swapped part is found when it is opened; the
last piece is a manifest with the size and hash of every other, so that a file that opens is also whole. It is written under
another name, synced, read back from the disk and compared before it gets its own, so an interrupted back-up leaves nothing
that looks like one.

Nothing here opens a key file or reads an entry: pieces are bytes. `keystore backup` and `ampoule backup` both write through it.
"""

from __future__ import annotations

import io
import json
import os
import re
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from keystore.errors import ArchiveDamaged, KeystoreError

FORM = "ampoule-archive/1"
MANIFEST = "manifest.json"
UNFINISHED = ".part"
_CHUNK = 1024 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*\Z")

Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a back-up: bytes at hand, or the first `size` bytes of a file that may be growing."""

    name: str
    data: bytes | None = None
    path: Path | None = None
    size: int = 0

    @classmethod
    def of_bytes(cls, name: str, data: bytes) -> Piece:
        return cls(name, data=data, size=len(data))

    @classmethod
    def of_file(cls, name: str, path: Path) -> Piece:
        return cls(name, path=path, size=path.stat().st_size)

    @classmethod
    def of_lines(cls, name: str, path: Path) -> Piece:
        """What the file holds now, up to its last whole line: what is being appended belongs to the next back-up."""
        return cls(name, path=path, size=_whole_lines(path)) if path.exists() else cls.of_bytes(name, b"")

    def chunks(self) -> Iterator[bytes]:
        if self.data is not None:
            yield self.data
            return
        assert self.path is not None
        left = self.size
        with open(self.path, "rb") as file:
            while left:
                chunk = file.read(min(_CHUNK, left))
                if not chunk:
                    raise ArchiveDamaged(
                        f"{self.path.name} became shorter while it was backed up. Begin the back-up anew."
                    )
                left -= len(chunk)
                yield chunk


@dataclass(frozen=True, slots=True)
class Written:
    """A finished archive."""

    path: Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of an archive: whatever its maker noted, and the names of its pieces."""

    facts: dict[str, Any]
    names: tuple[str, ...]


def check_recipient(recipient: str) -> Any:
    """The public key that a back-up is enciphered to."""
    import pyrage

    try:
        return pyrage.x25519.Recipient.from_str(recipient.strip())
    except Exception:
        raise KeystoreError(
            "The recipient is not an age public key (age1…). `ampoule backup key` and `age-keygen` make one.",
            code="recipient",
        ) from None


def new_identity() -> tuple[str, str]:
    """A new pair for back-ups: the secret half as text for a file that is kept offline, and the public half."""
    import pyrage

    identity = pyrage.x25519.Identity.generate()
    public = str(identity.to_public())
    return f"# public key: {public}\n{identity}\n", public


def write(
    target: Path,
    recipient: str,
    pieces: Sequence[Piece],
    facts: dict[str, Any],
    progress: Progress | None = None,
) -> Written:
    """Writes, syncs, reads back, compares, and only then gives the file its name. Beside it stands its SHA-256."""
    import pyrage

    to = check_recipient(recipient)
    if target.exists():
        raise KeystoreError(
            f"{target} exists already. A back-up never overwrites another.", code="file-exists"
        )
    unfinished = target.with_name(target.name + UNFINISHED)
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            source, out = _Pulled(_packed(pieces, facts, progress)), _Hashing(file)
            try:
                pyrage.encrypt_io(source, out, [to])
            except pyrage.EncryptError as error:
                # age tells of what went wrong on our side in its own words: ours are better.
                if (ours := source.problem or out.problem) is not None:
                    raise ours from None
                raise KeystoreError(
                    f"The back-up could not be enciphered: {error}", code="archive-failed"
                ) from error
            file.flush()
            os.fsync(file.fileno())
        found = digest_on_disk(unfinished)
        if found != out.digest.hexdigest():
            raise ArchiveDamaged(
                f"What was read back from {target.parent} is not what was written. The disk is failing: use another."
            )
        beside(target).write_text(f"{found}  {target.name}\n", encoding="ascii")
        size = unfinished.stat().st_size
        os.replace(unfinished, target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)
    return Written(target, size, found)


def beside(archive: Path) -> Path:
    """The file with the archive's hash, as `sha256sum -c` reads it."""
    return archive.with_name(archive.name + ".sha256")


def digest_on_disk(path: Path) -> str:
    """The hash of what the disk holds, not of what the memory remembers of it."""
    digest = sha256()
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def unpack(archive: Path, identity: Path, folder: Path) -> Unpacked:
    """Every piece into `folder`, each judged by age and by the manifest. Raises before anything can be taken for whole."""
    import zstandard

    key = _identity(identity)
    seen: dict[str, dict[str, Any]] = {}
    manifest: dict[str, Any] = {}
    opened = _Opened(archive, key)
    try:
        with tarfile.open(fileobj=zstandard.ZstdDecompressor().stream_reader(opened.reader), mode="r|") as tar:  # fmt: skip
            for member in tar:
                source = tar.extractfile(member)
                if source is None or not _NAME.match(member.name) or member.name in seen or manifest:
                    raise ArchiveDamaged(f"{archive.name} holds something that no back-up writes.")
                if member.name == MANIFEST:
                    manifest = json.loads(source.read())
                    continue
                seen[member.name] = _store(source, folder / member.name)
    except (tarfile.TarError, zstandard.ZstdError, ValueError, EOFError) as error:
        opened.close()
        raise opened.problem or _damaged(archive) from error
    except BaseException:
        opened.close()
        raise
    opened.close()
    if opened.problem is not None:
        raise opened.problem
    if manifest.get("form") != FORM or manifest.get("files") != seen:
        raise _damaged(archive)
    return Unpacked(manifest["facts"], tuple(seen))


# --- packing --------------------------------------------------------------------------------------------------------


def _packed(pieces: Sequence[Piece], facts: dict[str, Any], progress: Progress | None) -> Iterator[bytes]:
    import zstandard

    packer = zstandard.ZstdCompressor(level=1).compressobj()
    for chunk in _tar(pieces, facts, progress):
        if packed := packer.compress(chunk):
            yield packed
    yield packer.flush()


def _tar(pieces: Sequence[Piece], facts: dict[str, Any], progress: Progress | None) -> Iterator[bytes]:
    total, done = sum(piece.size for piece in pieces), 0
    files: dict[str, dict[str, Any]] = {}
    for piece in pieces:
        assert _NAME.match(piece.name), piece.name
        digest = sha256()
        yield _header(piece.name, piece.size)
        for chunk in piece.chunks():
            digest.update(chunk)
            yield chunk
            done += len(chunk)
            if progress is not None:
                progress(done, total)
        yield bytes(-piece.size % tarfile.BLOCKSIZE)
        files[piece.name] = {"size": piece.size, "sha256": digest.hexdigest()}
    manifest = json.dumps(
        {"form": FORM, "facts": facts, "files": files}, ensure_ascii=False, indent=1
    ).encode()
    yield _header(MANIFEST, len(manifest))
    yield manifest
    yield bytes(-len(manifest) % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


class _Pulled(io.RawIOBase):
    """Pieces of bytes as something that age can read from."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self._rest = memoryview(b"")
        self.problem: Exception | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._rest:
            try:
                chunk = next(self._source, None)
            except Exception as problem:
                self.problem = problem
                raise
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        count = min(len(into), len(self._rest))
        into[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class _Hashing(io.RawIOBase):
    """Passes bytes on and remembers their hash."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = sha256()
        self.problem: Exception | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.digest.update(data)
        try:
            return self._file.write(data)
        except OSError as problem:
            self.problem = problem
            raise

    def flush(self) -> None:
        if not self._file.closed:
            self._file.flush()


# --- opening --------------------------------------------------------------------------------------------------------


class _Opened:
    """age pushes what it opens; tar wants to pull. A pipe and a thread stand between them."""

    def __init__(self, archive: Path, key: Any) -> None:
        reading, writing = os.pipe()
        self.reader = os.fdopen(reading, "rb")
        self.problem: KeystoreError | None = None
        self._archive, self._key, self._writing = archive, key, writing
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        import pyrage

        with suppress(BrokenPipeError), os.fdopen(self._writing, "wb") as out:
            try:
                with open(self._archive, "rb") as source:
                    pyrage.decrypt_io(source, out, [self._key])
            except BrokenPipeError:
                raise
            except OSError as error:
                self.problem = (
                    _damaged(self._archive)
                    if error.errno is None
                    else KeystoreError(
                        f"{self._archive} cannot be read: {error.strerror}.", code="archive-unreadable"
                    )
                )
            except Exception as error:
                text = str(error)
                self.problem = (
                    KeystoreError(
                        f"{self._archive.name} was not enciphered to this identity. Look for the key file that belongs to it.",
                        code="identity-wrong",
                    )
                    if "No matching keys" in text
                    else _damaged(self._archive)
                )

    def close(self) -> None:
        self.reader.close()
        self._thread.join()


def _identity(path: Path) -> Any:
    import pyrage

    try:
        text = path.read_text(encoding="ascii")
        return pyrage.x25519.Identity.from_str(
            "\n".join(line for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-"))
        )
    except Exception:
        raise KeystoreError(
            f"{path} is not an age identity (AGE-SECRET-KEY-…): the file that was made with the recipient and kept offline.",
            code="identity-wrong",
        ) from None


def _store(source: Any, path: Path) -> dict[str, Any]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size = sha256(), 0
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return {"size": size, "sha256": digest.hexdigest()}


def _damaged(archive: Path) -> ArchiveDamaged:
    return ArchiveDamaged(
        f"{archive.name} is damaged or was cut off: it does not open whole. Nothing of it may be used; take another back-up."
    )


def _whole_lines(path: Path) -> int:
    """How many bytes the file's whole lines have, looked up from its end."""
    with open(path, "rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - _CHUNK)
            file.seek(begin)
            found = file.read(end - begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            end = begin
    return 0


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
