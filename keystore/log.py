"""The issuance log of an open module: its file, its tree, its index of orders and the state that follows from it.

One object that is opened, extended by groups, asked for orders and proofs, and closed. Not here: what a request
means (`planning.py`) and who may ask (`server.py`).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from keystore import crash, entries, fold, notes, snapshot
from keystore.entries import Entry
from keystore.errors import LogDamaged
from keystore.journal import Journal, write_whole
from keystore.merkle import Tree
from keystore.module import Checkpoint, Proof, PublicEntry
from keystore.snapshot import Run
from keystore.state import State, order_key
from keystore.witnesses import Witnesses

Json = dict[str, Any]

SNAPSHOT_EVERY = 20_000
SNAPSHOT_AT_END = 500
CHECKPOINT_EVERY = 100
CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an entry went."""

    sequence: int
    leaf: str


class IssuanceLog:
    """Held by one process for as long as the module is open."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        secret: AESGCM,
        signing_key: Ed25519PrivateKey,
        anchors: tuple[Path, ...] = (),
        initial: State | None = None,
    ) -> None:
        self.name = name
        self.signing_key = signing_key
        self.public_key = signing_key.public_key().public_bytes_raw()
        self._initial = initial
        self.snapshot_every = SNAPSHOT_EVERY
        self._room, self._room_until = 0, 0.0
        self.anchors_held = False  # while a longer log is known of, its head is not written over
        self._held_size = 0
        self.folder = folder
        self._journal = Journal(folder, secret)
        try:
            self._load()
        except BaseException:
            self._journal.close()
            raise
        self.witnesses = Witnesses(anchors)

    def _load(self) -> None:
        journal = self._journal
        loaded = snapshot.load(self.folder, journal.secret, journal.end)
        if loaded.image is None and self._beyond_file():
            raise LogDamaged(
                "The issuance log is shorter than its own checkpoint. Restore it from a back-up."
            )
        if loaded.image is None:
            snapshot.forget(self.folder)  # pieces of another log's index must not be joined with this one's
        self.state = State() if loaded.image is None else State.from_image(loaded.image)
        if self._initial is not None:
            if loaded.image is None:
                self.state.limits.update(self._initial.limits)
            for name, approver in self._initial.approvers.items():
                if name not in self.state.dismissed:
                    self.state.approvers.setdefault(name, approver)
        self.tree = Tree(bytes(loaded.leaves))
        self._orders = loaded.orders  # hashed order id -> sequence
        self._offsets = loaded.offsets  # sequence -> where its line begins
        self._head = loaded.head
        self._saved = loaded.size  # entries that the index on disk covers
        self._fresh = bytearray()  # hashed order ids of those after
        self._last_group = loaded.group
        for entry in journal.scan(loaded.offset, loaded.size, loaded.head):
            fold.apply(self.state, entry.public, entry.private)
            self._note(entry.public, entry.leaf, entry.offset)
        self.missing = self._missing()
        self._checkpoint_size = self.tree.size
        self._checkpoint_at = time.monotonic()
        self._mend_checkpoints()

    def _missing(self) -> int:
        """How many entries were acknowledged, if those are not all here: the log was cut, or replaced by an older copy."""
        mark = self._journal.mark
        if mark is None or (mark.size <= self.tree.size and self.tree.leaf(mark.size - 1) == mark.leaf):
            return 0
        return mark.size

    def _mend_checkpoints(self) -> None:
        """Checkpoints are not synced one by one; after a crash the last line may be half a line."""
        path = self.folder / "checkpoints"
        if path.exists():
            data = path.read_bytes()
            if not data.endswith(b"\n"):
                write_whole(path, data[: data.rfind(b"\n") + 1])

    def _beyond_file(self) -> bool:
        """Without a snapshot an empty file is a new log, unless a checkpoint says that there were entries."""
        return self._journal.end == 0 and (self.folder / "checkpoints").exists()

    def reload(self) -> None:
        """Read the state again from what is durable, after a group that could not be written."""
        self._load()

    @property
    def size(self) -> int:
        return self.tree.size

    @property
    def head(self) -> str:
        return self._head

    def room_left(self) -> int:
        """Bytes free on the log's disk, as of the last second."""
        now = time.monotonic()
        if now >= self._room_until:
            found = os.statvfs(self.folder)
            self._room, self._room_until = found.f_bavail * found.f_frsize, now + 1.0
        return self._room

    def close(self) -> None:
        if self.tree.size - self._saved >= SNAPSHOT_AT_END:
            self.save_snapshot()
        if self.tree.size > self._checkpoint_size:
            self.write_checkpoint()
        self._journal.settle()
        self._journal.close()
        self.witnesses.settle()
        self.witnesses.close()

    def abandon(self) -> None:
        """Let go without writing anything."""
        self._journal.close()
        self.witnesses.close()
        self.witnesses.settle()

    # --- extending ------------------------------------------------------------------------------------------------

    def commit(self, halves: list[tuple[Json, Json]], meanwhile: Callable[[list[Placed]], None]) -> None:
        """Make a group of entries durable with one sync; the halves get their places.

        `meanwhile` is told the places while the disk works. What it prepares is shown to nobody before this call has
        returned; if the sync fails, the process ends and with it whatever was prepared.
        """
        group = self.tree.size
        sequence, head, offset = group, self._head, self._journal.end
        lines, placed, rows = [], [], []
        for public, private in halves:
            public["n"], public["prev"], public["g"] = sequence, head, group
            line, leaf = entries.write(public, private, self._journal.secret)
            head = leaf.hex()
            lines.append(line)
            placed.append(Placed(sequence, head))
            rows.append((public, leaf, offset))
            offset += len(line)
            sequence += 1

        def follow() -> None:
            for row in rows:
                self._note(*row)
            meanwhile(placed)

        self._journal.append(lines, follow)
        if self.missing and any(public.get("act") == "fast-forward" for public, _ in halves):
            self.missing = 0
        if not self.missing:
            self._journal.acknowledge(sequence, bytes.fromhex(head))

    def _note(self, public: Json, leaf: bytes, offset: int) -> None:
        sequence = self.tree.size
        self.tree.append(leaf)
        self._offsets.append(offset)
        self._head = leaf.hex()
        self._last_group = public["g"]
        order = public.get("order")
        key = None if order is None else order_key(order)
        if key is not None:
            self._orders[key] = sequence
        self._fresh += key or snapshot.NOBODY

    # --- looking back ---------------------------------------------------------------------------------------------

    def find(self, order_id: str) -> Entry | None:
        """The entry of an order: its issue, or its tombstone."""
        sequence = self._orders.get(order_key(order_id))
        if sequence is None:
            return None
        entry = self._journal.read_at(self._offsets[sequence])
        if entry.public["order"] != order_id or entry.leaf != self.tree.leaf(sequence):
            raise LogDamaged(
                "The index of orders does not fit the log. Restart the module without its snapshot."
            )
        return entry

    def knows(self, order_id: str) -> bool:
        return order_key(order_id) in self._orders

    def proof(self, sequence: int) -> Proof:
        data = self._public_at(sequence)
        path = self.tree.inclusion(sequence, self.tree.size)
        return Proof(
            sequence=sequence,
            leaf_data=data.decode(),
            leaf=self.tree.leaf(sequence).hex(),
            path=tuple(h.hex() for h in path),
            checkpoint=self.checkpoint(),
        )

    def public_entries(self, first: int, end: int) -> list[PublicEntry]:
        return [PublicEntry(sequence, self._public_at(sequence).decode()) for sequence in range(first, end)]

    def _public_at(self, sequence: int) -> bytes:
        """The public half of an entry, byte for byte as its leaf covers it."""
        data, _ = entries.split(self._journal.line_at(self._offsets[sequence])[:-1])
        return data

    def checkpoint(self) -> Checkpoint:
        return notes.sign(notes.Head(self.name, self.tree.size, self.tree.root()), self.signing_key)

    # --- between groups -------------------------------------------------------------------------------------------

    def keep_house(self) -> None:
        """Checkpoints and snapshots when they are due; called when no answer waits."""
        fresh = self.tree.size - self._checkpoint_size
        if fresh >= CHECKPOINT_EVERY or (
            fresh and time.monotonic() - self._checkpoint_at >= CHECKPOINT_SECONDS
        ):
            self.write_checkpoint()
        if self.tree.size - self._saved >= self.snapshot_every:
            self.save_snapshot()

    def write_checkpoint(self) -> None:
        """A signed head into the log's folder and beside the key file, where an older copy of the log betrays itself."""
        crash.point("keystore.before-checkpoint")
        note = self.checkpoint().note
        with (self.folder / "checkpoints").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"note": note}, ensure_ascii=False) + "\n")
        if not self.anchors_held:
            self.witnesses.push(note)
        self._journal.settle()
        self._checkpoint_size = self.tree.size
        self._checkpoint_at = time.monotonic()
        crash.point("keystore.after-checkpoint")

    def settle(self) -> None:
        """Make the mark of what was acknowledged durable; called when nobody asks for anything."""
        self._journal.settle()

    def hold_anchors(self, size: int, note: str) -> None:
        """A head was shown that this log does not reach: keep it outside the log, so that a restart knows of it. A longer
        one is never written over by a shorter."""
        if not self.anchors_held or size > self._held_size:
            self.witnesses.push(note)
            self._held_size = size
        self.anchors_held = True

    def save_snapshot(self) -> None:
        snapshot.save(
            self.folder,
            self._journal.secret,
            size=self.tree.size,
            offset=self._journal.end,
            head=self._head,
            group=self._last_group,
            image=self.state.image(),
            run=Run(
                self.tree.leaves(self._saved, self.tree.size),
                bytes(self._fresh),
                self._offsets[self._saved :],
            ),
        )
        self._saved = self.tree.size
        self._fresh = bytearray()
