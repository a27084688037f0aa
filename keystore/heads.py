"""Heads that were seen outside, against the log here: is this an older copy? (Invariant I-19: state never goes back.)

A checkpoint that this log once signed proves how long it was. If the log here is shorter, or another, the sale stops
until two people fast-forward it (`powers.py`). Not here: the form of a checkpoint (`notes.py`).
"""

from __future__ import annotations

from keystore import notes
from keystore.errors import ModuleRefused
from keystore.log import IssuanceLog

_KEPT = 16
_WAY_OUT = "Bring the newer log back, or let two approvers fast-forward it (keystore budget fast-forward)."


class Heads:
    """The heads that do not fit, as long as they do not."""

    def __init__(self, log: IssuanceLog) -> None:
        self._log = log
        self._unmet: list[notes.Head] = []

    def present(self, note: str) -> None:
        head = notes.opened(note, self._log.name, self._log.public_key)
        if head is None:
            raise ModuleRefused("The checkpoint shown was not signed by this log.", code="note-wrong")
        if not self._fits(head):
            self._unmet.append(head)
            del self._unmet[:-_KEPT]
            self._log.hold_anchors(head.size, note)

    def greet(self) -> None:
        """What every place outside holds at the start: the longest first, because it is then kept in all of them."""
        read = []
        for path, note in self._log.witnesses.greet():
            head = notes.opened(note, self._log.name, self._log.public_key)
            read.append((head.size if head else -1, path, note))
        for _, path, note in sorted(read, reverse=True):
            self.present(note)
            self._log.witnesses.answered(path, ours=True)

    def listen(self) -> None:
        """What a place outside says that was away or hung at the start."""
        for path, note in self._log.witnesses.heard():
            try:
                self.present(note)
            except ModuleRefused:
                self._log.witnesses.answered(path, ours=False)
            else:
                self._log.witnesses.answered(path, ours=True)

    def behind(self) -> str | None:
        """Why the module may not sell, or None."""
        if self._log.missing:
            return (
                f"The log here has {self._log.size} entries and is not the one of which {self._log.missing} were "
                "acknowledged: its end was cut, or it is an older copy. " + _WAY_OUT
            )
        if not self._unmet:
            return None
        self._unmet = [head for head in self._unmet if not self._fits(head)]
        if not self._unmet:
            self._log.anchors_held = False
            return None
        head = max(self._unmet, key=lambda h: h.size)
        return (
            f"The log here has {self._log.size} entries, but a witness holds a signed head of {head.size}: this is an "
            "older copy. " + _WAY_OUT
        )

    def _fits(self, head: notes.Head) -> bool:
        if head.size <= self._log.size and self._log.tree.root(head.size) == head.root:
            return True
        lost = self._log.state.forwarded
        return lost is not None and head.size <= lost[0]
