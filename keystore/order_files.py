"""The order file that `ampoule` exports and `keystore issue-batch` takes (decisions.md D14): its form and its writer.

JSON lines: a header `{"format": "ampoule orders 1", "count": N, "sha256": ...}` over the lines that follow, then one request a
line as on the socket. It holds meters and amounts, no token and no key. Not here: reading it (`batch.py`), because what is
read there is issued.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import orjson

from keystore import messages
from keystore.module import Request

FORMAT = "ampoule orders 1"


def header(count: int, digest: str) -> bytes:
    """The first line: how many lines follow, and the SHA-256 over them, in hex."""
    return json.dumps({"format": FORMAT, "count": count, "sha256": digest}).encode() + b"\n"


def write(path: Path, requests: Iterable[Request]) -> int:
    """A whole file or none, which only its owner reads; how many requests it holds. May raise OSError."""
    body, whole = path.with_name(path.name + ".body"), path.with_name(path.name + ".new")
    digest, count = hashlib.sha256(), 0
    try:
        with open(body, "w+b", opener=_for_me) as lines:
            for request in requests:
                line = orjson.dumps(messages.request_out(request)) + b"\n"
                digest.update(line)
                lines.write(line)
                count += 1
            lines.seek(0)
            with open(whole, "wb", opener=_for_me) as out:
                out.write(header(count, digest.hexdigest()))
                shutil.copyfileobj(lines, out)
                out.flush()
                os.fsync(out.fileno())
        whole.replace(path)
    finally:
        body.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    return count


def _for_me(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
