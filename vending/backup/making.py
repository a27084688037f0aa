"""Makes one back-up: captures, packs, enciphers, reads back, tidies up, and notes how it went.

Sales go on meanwhile. The work folder lies beside the database, holds the copy in clear as the database itself does, and is
emptied at the end and at the next beginning. The order of capture is argued in the package's docstring.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sts
from keystore import archive
from keystore.archive import Piece
from keystore.errors import KeystoreError
from vending.backup import snapshot, standing
from vending.backup.snapshot import Captured, Say
from vending.backup.standing import Standing
from vending.clock import Clock
from vending.db import Database
from vending.errors import InvalidInput, Unavailable, VendingError
from vending.settings import Settings

WORK = "backup-work"
PREFIX, SUFFIX = "ampoule-", ".age"
# What else a site keeps under its folder and cannot make again.
KEPT = ("site.secret", "tls")


class BackupNotSet(InvalidInput):
    code = "backup_not_set"


class BackupFailed(Unavailable):
    code = "backup_failed"


class BackupRuns(Unavailable):
    code = "backup_runs"


@dataclass(frozen=True, slots=True)
class Made:
    path: Path
    standing: Standing
    removed: tuple[Path, ...]


def silent(_what: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def make(
    settings: Settings,
    db: Database,
    clock: Clock,
    *,
    to: Path | None = None,
    recipient: str = "",
    say: Say = silent,
) -> Made:
    """One whole back-up into the folder of the settings, or into another. Its failure is noted too."""
    recipient = recipient or settings.backup_recipient
    folder = to or (Path(settings.backup_to) if settings.backup_to else None)
    if folder is None or not recipient:
        raise BackupNotSet(
            "A back-up needs a folder on another disk (AMPOULE_BACKUP_TO) and a public key (AMPOULE_BACKUP_RECIPIENT). "
            "`ampoule backup key` makes the pair."
        )
    begun = clock.now()
    try:
        archive.check_recipient(recipient)
        if not folder.is_dir():
            raise BackupFailed(f"{folder} is not there. Mount the disk or make the folder, then try again.")
        with _alone(settings):
            return _make(settings, db, begun, folder, recipient, say)
    except KeystoreError as error:
        standing.note_failure(settings, begun, error.sentence)
        raise BackupFailed(error.sentence) from error
    except OSError as error:
        sentence = (
            f"The back-up could not be written ({error.strerror or error}). Nothing half done was left; "
            f"make room on {folder} and on {settings.folder}, then try again."
        )
        standing.note_failure(settings, begun, sentence)
        raise BackupFailed(sentence) from error
    except VendingError as error:
        if not isinstance(error, BackupRuns):
            standing.note_failure(settings, begun, error.sentence)
        raise


def _make(settings: Settings, db: Database, begun: datetime, folder: Path, recipient: str, say: Say) -> Made:
    started = time.monotonic()
    for left in folder.glob(f"{PREFIX}*{SUFFIX}{archive.UNFINISHED}"):
        left.unlink()  # of a back-up that was interrupted: it has no name that anybody would restore
    with _work_folder(settings) as work:
        captured = snapshot.capture(db, work, say)
        pieces = [*_of_database(captured), *_of_site(settings)]
        module = _of_module(settings)
        facts = {
            "holds": "site",
            "version": sts.__version__,
            "made_at": begun.isoformat(),
            "dialect": captured.dialect,
            "revision": captured.revision,
            "sales": captured.sales,
            "last_entry": captured.last_entry,
            "module": bool(module),
        }
        target = folder / f"{PREFIX}{begun:%Y%m%dT%H%M%SZ}{SUFFIX}"
        written = archive.write(
            target, recipient, [*pieces, *module], facts, lambda done, total: say("writing", done, total)
        )
    now = Standing(
        made_at=begun,
        verified_at=begun,
        path=str(target),
        size=written.size,
        sha256=written.sha256,
        seconds=round(time.monotonic() - started, 1),
        sales=captured.sales,
        holds_module=bool(module),
        same_disk=os.stat(folder).st_dev == os.stat(settings.folder).st_dev,
        drilled_at=standing.last(settings).drilled_at,
    )
    standing.note(settings, now)
    # Only a new back-up that was read back lets an old one go.
    return Made(target, now, _let_go(folder, settings.backup_keep))


def _of_database(captured: Captured) -> list[Piece]:
    return [Piece.of_file(f"database/{name}", captured.folder / name) for name in captured.files]


def _of_site(settings: Settings) -> list[Piece]:
    """Settings as they stand, in the file and in the environment, and the secret that opens what the database seals."""
    given = {name: value for name, value in os.environ.items() if name.startswith("AMPOULE_")}
    pieces = [Piece.of_bytes("site/environment.json", json.dumps(given, indent=1).encode())]
    config = Path(os.environ.get("AMPOULE_CONFIG", "ampoule.toml"))
    if config.is_file():
        pieces.append(Piece.of_file("site/ampoule.toml", config))
    for name in KEPT:
        path = settings.folder / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        pieces += [
            Piece.of_file(f"site/{each.relative_to(settings.folder)}", each)
            for each in found
            if each.is_file()
        ]
    return pieces


def _of_module(settings: Settings) -> list[Piece]:
    """The module's files, if this user may read them: measured last, and the checkpoints before the log they speak of."""
    folder = settings.module_files
    try:
        if not (folder / "keys.stsks").is_file() or not (folder / "log" / "entries.log").is_file():
            return []
        if not os.access(folder / "keys.stsks", os.R_OK) or not os.access(
            folder / "log" / "entries.log", os.R_OK
        ):
            return []
    except PermissionError:
        return []
    return [
        Piece.of_lines("module/log/checkpoints", folder / "log" / "checkpoints"),
        # Replaced whole by its owner, never edited: whatever is read is one generation of it.
        Piece.of_bytes("module/keys.stsks", (folder / "keys.stsks").read_bytes()),
        Piece.of_lines("module/log/entries.log", folder / "log" / "entries.log"),
    ]


def list_archives(folder: Path) -> list[Path]:
    """The finished back-ups of a folder, the newest first: their names hold their moments."""
    return sorted(folder.glob(f"{PREFIX}[0-9]*T[0-9]*Z{SUFFIX}"), reverse=True)


def _let_go(folder: Path, keep: int) -> tuple[Path, ...]:
    removed = tuple(list_archives(folder)[keep:])
    for path in removed:
        path.unlink()
        archive.beside(path).unlink(missing_ok=True)
    return removed


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One back-up at a time."""
    with open(settings.folder / "backup.lock", "a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupRuns("A back-up is being made already. Wait for it; it notes how it went.") from None
        yield


@contextmanager
def _work_folder(settings: Settings) -> Iterator[Path]:
    work = settings.folder / WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
