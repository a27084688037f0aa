"""What is known of the last back-up: kept in a small file beside the database, read by `ampoule doctor` and by the worker.

`last(settings)` is the one question others ask. A file that cannot be read counts as no back-up, never as a good one.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vending.settings import Settings

FILE = "backup.json"
KEYS_BEHIND = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest back-up that was written and read back, and the newest attempt that failed, if it came later."""

    made_at: datetime | None = None
    verified_at: datetime | None = None
    path: str = ""
    size: int = 0
    sha256: str = ""
    seconds: float = 0.0
    sales: int = 0
    holds_module: bool = False
    same_disk: bool = False
    keys_at: datetime | None = None  # the module's own newest back-up, where its user makes one
    drilled_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""

    def age_s(self, now: datetime) -> float | None:
        return None if self.made_at is None else (now - self.made_at).total_seconds()

    def warnings(self) -> tuple[str, ...]:
        """What is not as it should be although a back-up was made, each with the next step."""
        found = []
        if self.made_at is None:
            found.append(
                "There is no back-up. Set AMPOULE_BACKUP_TO and AMPOULE_BACKUP_RECIPIENT, then `ampoule backup now`."
            )
        else:
            if not self.holds_module and self.keys_at is None:
                found.append(
                    "The back-up holds no key file and no issuance log, because this user may not read them. Let the module's "
                    "user make its own: ampoule-keys-backup.timer and AMPOULE_KEYS_BACKUP_TO (deployer's guide)."
                )
            elif not self.holds_module and self.keys_at and self.made_at - self.keys_at > KEYS_BEHIND:
                found.append(
                    f"The newest back-up of the keys and their log is of {self.keys_at:%Y-%m-%d %H:%M} UTC. Look why no newer "
                    "one came: `systemctl status ampoule-keys-backup`."
                )
            if self.same_disk:
                found.append(
                    "The back-up lies on the disk of the database: one dead disk takes both. Mount another and name it in AMPOULE_BACKUP_TO."
                )
            if not Path(self.path).exists():
                found.append(f"{self.path} is not there any more. Mount its disk, or make a new back-up.")
        if self.failure:
            found.append(f"The last attempt failed: {self.failure}")
        return tuple(found)


def last(settings: Settings) -> Standing:
    try:
        content = json.loads((settings.folder / FILE).read_text(encoding="utf-8"))
        known = {each.name for each in fields(Standing)}
        values = {name: value for name, value in content.items() if name in known}
        for name in ("made_at", "verified_at", "failed_at", "drilled_at"):
            if values.get(name):
                values[name] = datetime.fromisoformat(values[name])
        return replace(Standing(**{**values, "keys_at": None}), keys_at=_keys_at(settings))
    except (OSError, ValueError, TypeError, AttributeError):
        return Standing()


def _keys_at(settings: Settings) -> datetime | None:
    """When the module's user made its newest back-up, as far as this user may see it."""
    if not settings.keys_backup_to:
        return None
    try:
        times = [path.stat().st_mtime for path in Path(settings.keys_backup_to).glob("keys-*.age")]
    except OSError:
        return None
    return datetime.fromtimestamp(max(times), UTC) if times else None


def note(settings: Settings, standing: Standing) -> None:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in asdict(standing).items()
    }
    path = settings.folder / FILE
    fresh = path.with_name(f"{FILE}.{os.getpid()}")
    fresh.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.chmod(0o600)
    os.replace(fresh, path)


def note_failure(settings: Settings, at: datetime, sentence: str) -> None:
    note(settings, replace(last(settings), failed_at=at, failure=sentence))
