"""Whether the files of a state hold everything that was acknowledged, and are sound: judged by opening them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from disk.crash_disks import State
from keystore import entries
from keystore.errors import LogDamaged
from keystore.journal import Journal


@dataclass
class Verdict:
    judged: int = 0
    lost: int = 0
    corrupt: int = 0


def judge_database(state: State, folder: Path, verdict: Verdict) -> None:
    state.write_into(folder)
    verdict.judged += 1
    try:
        with closing(sqlite3.connect(folder / "ampoule.db")) as connection:
            if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                verdict.corrupt += 1
                return
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'acked'").fetchone():
                verdict.lost += state.acked > 0
                return
            count, newest, twins = connection.execute(
                "SELECT count(*), coalesce(max(n), 0), coalesce(sum(n = twin), 0) FROM acked"
            ).fetchone()
    except sqlite3.DatabaseError:
        verdict.corrupt += 1
        return
    verdict.corrupt += not count == newest == twins
    verdict.lost += newest < state.acked


def judge_log(state: State, folder: Path, verdict: Verdict) -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    state.write_into(folder)
    verdict.judged += 1
    journal = Journal(folder, AESGCM(bytes(32)))
    try:
        found = sum(1 for _ in journal.scan(0, 0, entries.GENESIS))
    except LogDamaged:
        verdict.corrupt += 1
        return
    finally:
        journal.close()
    verdict.lost += found < state.acked


JUDGES = {"database": judge_database, "log": judge_log}
