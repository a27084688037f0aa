"""What only doctor looks at: this machine and its surroundings. Each look gives findings and never raises."""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from keystore.errors import KeystoreError
from keystore.module import SecurityModule, Status
from vending import certificates, nightly, production
from vending.backup import standing
from vending.condition import FAIL, OK, WARN, Finding
from vending.db import Database
from vending.errors import VendingError
from vending.settings import Settings
from vending.vends import log_fence

# package: the files of it that papers use, one of which must be there
FONTS = {
    "fonts-noto-core": ("/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf",),
    "fonts-wqy-microhei": ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",),
}
STATUS_AT = 40  # bytes of struct timex before `status`, on every 64-bit Linux
UNSYNCHRONISED = 0x40
TIME_ERROR = 5


def of_settings(settings: Settings) -> Finding:
    try:
        production.refuse_unsafe_settings(settings)
    except VendingError as error:
        return Finding("settings", FAIL, error.sentence)
    if settings.is_demonstration:
        return Finding(
            "settings",
            WARN,
            "This is a demonstration: public test keys, example people.",
            "For a site: `sh install.sh`, the ceremony of the key manager's guide, `ampoule setup`.",
        )
    return Finding("settings", OK, f"Production, pages at {settings.address}.")


def of_time_source() -> Finding:
    """What the kernel says about whether a time server steers the clock."""
    buffer = ctypes.create_string_buffer(256)
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        answer = -1
    status = struct.unpack_from("i", buffer.raw, STATUS_AT)[0]
    if answer not in (-1, TIME_ERROR) and not status & UNSYNCHRONISED:
        return Finding("time source", OK, "A time server steers the clock.")
    return Finding(
        "time source",
        WARN,
        "No time server steers the clock. A clock that drifts an hour stops the tokens.",
        "timedatectl set-ntp true, or install chrony and give it a time server that this network reaches.",
    )


def of_fonts() -> Finding:
    missing = [package for package, files in FONTS.items() if not any(Path(file).exists() for file in files)]
    if missing:
        return Finding(
            "fonts",
            WARN,
            "Fonts that papers in Arabic or Chinese need are missing.",
            f"apt-get install {' '.join(missing)}",
        )
    return Finding("fonts", OK, "Papers can be printed in English, French, Arabic and Chinese.")


def of_fence(db: Database, module: SecurityModule, status: Status, ready: Finding) -> Finding:
    """A module that is ready sells only while its log and this database fit together."""
    try:
        reason = log_fence.look(db, module, status).reason
    except (KeystoreError, sa.exc.SQLAlchemyError) as error:
        return Finding(
            "module", WARN, f"Its log could not be compared with the books ({type(error).__name__})."
        )
    if reason:
        return Finding("module", FAIL, reason, "`ampoule reconcile` names each order that is missing.")
    return ready


def of_backups(settings: Settings, now: datetime) -> list[Finding]:
    last = standing.last(settings)
    warnings = [Finding("back-up", WARN, sentence) for sentence in last.warnings()]
    if settings.is_demonstration and last.made_at is None:
        return [Finding("back-up", OK, "None, as is right for a demonstration.")]
    if last.made_at is None:
        return warnings
    told = f"{last.made_at:%Y-%m-%d %H:%M} UTC, {last.path}"
    if now - last.made_at > timedelta(days=2):
        return [
            Finding(
                "back-up",
                FAIL,
                f"The last one is older than two days: {told}.",
                "`ampoule backup now`, then look why the night's did not come: `ampoule jobs dead`, the log.",
            ),
            *warnings,
        ]
    if last.drilled_at is None or now - last.drilled_at > timedelta(days=100):
        warnings.append(
            Finding(
                "back-up",
                WARN,
                "It has not been rehearsed in the last hundred days.",
                "`ampoule restore --drill` brings it back into an empty folder and proves it.",
            )
        )
    return warnings or [Finding("back-up", OK, f"{told}.")]


def of_tls(settings: Settings, now: datetime) -> Finding:
    if not settings.has_certificate:
        if settings.serves_tls:
            return Finding(
                "tls", OK, f"A server in front speaks TLS for {settings.public_address or settings.host}."
            )
        return Finding(
            "tls",
            OK if settings.is_demonstration else WARN,
            "Pages are served to this machine alone, in clear. From another PC passkeys, copying a token by one click and the camera need TLS.",
            "For tills on other PCs: `ampoule tls make --name till.mall.local`, then AMPOULE_HOST=0.0.0.0.",
        )
    try:
        seen = certificates.look(settings.tls_folder / "server.pem")
    except VendingError as error:
        return Finding("tls", FAIL, error.sentence)
    names = ", ".join(seen.names)
    if seen.expires_at <= now:
        return Finding(
            "tls",
            FAIL,
            f"The certificate for {names} ended on {seen.expires_at:%Y-%m-%d}.",
            "ampoule tls renew",
        )
    if certificates.due(seen, now):
        return Finding(
            "tls",
            WARN,
            f"The certificate for {names} ends on {seen.expires_at:%Y-%m-%d}.",
            "`ampoule tls renew`, or `ampoule tls use` with a new one from your authority.",
        )
    if all(name.replace(".", "").replace(":", "").isalnum() and name[0].isdigit() for name in seen.names):
        return Finding(
            "tls",
            WARN,
            f"The certificate is for addresses alone ({names}): passkeys need a name.",
            "Give this PC a name in the network, then `ampoule tls make --new-authority --name …`.",
        )
    return Finding("tls", OK, f"For {names} until {seen.expires_at:%Y-%m-%d}; passkeys work under a name.")


def of_users(settings: Settings) -> Finding:
    """Whether the module is another user's: what we say about a stolen web server holds only then (ADR 0016)."""
    path = settings.module_socket_path
    try:
        owner = path.stat().st_uid
    except OSError:
        return Finding(
            "users",
            WARN,
            f"The module's socket {path} is not there, so nothing can be said of its user.",
            "Start the module.",
        )
    if owner != os.geteuid():
        return Finding("users", OK, "The module runs as another user than the server.")
    return Finding(
        "users",
        OK if settings.is_demonstration else FAIL,
        "Module and server run as the same user, so a stolen server could read the module's memory"
        + (": a demonstration may." if settings.is_demonstration else "."),
        "" if settings.is_demonstration else "sh install.sh makes the two users and the services.",
    )


def of_folder(settings: Settings) -> Finding:
    folder = settings.folder
    if not folder.is_dir():
        return Finding(
            "folder", FAIL, f"{folder} is not there.", "Start the server once, or correct AMPOULE_VAR."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "folder",
            FAIL,
            f"{folder} cannot be written by this user.",
            "Run doctor as the server's user, or give the folder back to it: chown -R ampoule: …",
        )
    loose = [
        name
        for name in ("site.secret", "tls/server.key", "tls/ca.key")
        if (folder / name).exists() and stat.S_IMODE((folder / name).stat().st_mode) & 0o077
    ]
    if loose:
        return Finding(
            "folder", FAIL, f"Others can open {', '.join(loose)} in {folder}.", "chmod 600 on each of them."
        )
    return Finding("folder", OK, f"{folder} can be written, and its secrets are closed.")


def of_books(db: Database) -> Finding:
    return _of_night(
        db,
        "books",
        nightly.last_check,
        asked="`ampoule audit`",
        never="The books have not been checked by night yet.",
        found="The check of {at} UTC found {number} faults.",
        old="The books were checked last on {day}.",
        well="Checked on {at} UTC, no faults.",
    )


def of_records(db: Database) -> Finding:
    """Whether log, database, books and receipts agree, as the night saw it; what is missing now, the fence says."""
    return _of_night(
        db,
        "records",
        nightly.last_match,
        asked="`ampoule reconcile`",
        never="Log, books and receipts have not been held against each other by night yet.",
        found="On {at} UTC, {number} records of log, database, books and receipts differed.",
        old="Log, books and receipts were held against each other last on {day}.",
        well="Log, database, books and receipts agreed on {at} UTC.",
    )


def _of_night(
    db: Database,
    part: str,
    last_of: Callable[[Session], tuple[datetime, int] | None],
    *,
    asked: str,
    never: str,
    found: str,
    old: str,
    well: str,
) -> Finding:
    """What a check of the night found last. A demonstration's first evening has none yet, and a site's has not either."""
    try:
        with db.reading() as session:
            last = last_of(session)
    except sa.exc.SQLAlchemyError:
        return Finding(part, WARN, f"What the night's check of the {part} found cannot be read.")
    if last is None:
        return Finding(part, WARN, never, f"{asked} does it now.")
    at, number = last
    told = {"at": f"{at:%Y-%m-%d %H:%M}", "day": f"{at:%Y-%m-%d}", "number": number}
    if number:
        return Finding(part, FAIL, found.format(**told), f"{asked} names each of them.")
    if datetime.now(UTC) - at > timedelta(days=3):
        return Finding(
            part,
            WARN,
            old.format(**told),
            "Look whether the server runs at night; `ampoule jobs schedules`.",
        )
    return Finding(part, OK, well.format(**told))
