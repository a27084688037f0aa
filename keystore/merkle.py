"""The Merkle tree of the issuance log: hashes, roots and proofs as in RFC 6962, section 2.1.

Only hashes live here, 64 bytes an entry in memory; the entries are in `journal.py`. Complete subtrees are kept by
level and worked out when somebody first asks for them, so that an issue pays for its leaf alone. Not here: the
verification of proofs, which is in `verify_log.py` and shares nothing with this file.
"""

from __future__ import annotations

from hashlib import sha256

HASH = 32


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """Append-only. `levels[k]` holds the hashes of all complete subtrees of 2**k leaves, side by side."""

    __slots__ = ("_levels",)

    def __init__(self, leaves: bytes = b"") -> None:
        self._levels = [bytearray(leaves)]

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH

    def append(self, leaf: bytes) -> None:
        self._levels[0] += leaf

    def leaf(self, index: int) -> bytes:
        return bytes(self._levels[0][index * HASH : (index + 1) * HASH])

    def leaves(self, start: int, end: int) -> bytes:
        return bytes(self._levels[0][start * HASH : end * HASH])

    def root(self, size: int | None = None) -> bytes:
        whole = self.size if size is None else size
        if whole == 0:
            return sha256(b"").digest()
        self._complete()
        return self._subtree(0, whole)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The path from a leaf up to the root of the first `size` entries."""
        self._complete()
        return self._path(index, 0, size)

    def consistency(self, first: int, second: int) -> list[bytes]:
        """That the first `first` entries are a beginning of the first `second`."""
        if first in (0, second):
            return []
        self._complete()
        return self._proof(first, 0, second, True)

    def _complete(self) -> None:
        level = 0
        while True:
            below = self._levels[level]
            pairs = len(below) // (2 * HASH)
            if pairs == 0:
                return
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[level + 1]
            done = len(above) // HASH
            if done < pairs:
                view = memoryview(below)
                above += b"".join(
                    [
                        sha256(b"\x01" + view[at : at + 2 * HASH]).digest()
                        for at in range(done * 2 * HASH, pairs * 2 * HASH, 2 * HASH)
                    ]
                )
                view.release()
            level += 1

    def _subtree(self, start: int, end: int) -> bytes:
        width = end - start
        if width & (width - 1) == 0:  # a power of two, and `start` is a multiple of it by construction
            level = width.bit_length() - 1
            at = (start >> level) * HASH
            return bytes(self._levels[level][at : at + HASH])
        middle = start + _split(width)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + _split(end - start)
        if index < middle:
            return [*self._path(index, start, middle), self._subtree(middle, end)]
        return [*self._path(index, middle, end), self._subtree(start, middle)]

    def _proof(self, first: int, start: int, end: int, known: bool) -> list[bytes]:
        if first == end:
            return [] if known else [self._subtree(start, end)]
        middle = start + _split(end - start)
        if first <= middle:
            return [*self._proof(first, start, middle, known), self._subtree(middle, end)]
        return [*self._proof(first, middle, end, False), self._subtree(start, middle)]


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)
