"""The canonical content of a slip: what was sold, at which tariff, line by line. Its hash goes into the issuance log.

It holds the money, the tariff version and the lines; not the tender, the change or the copy number, because the same
content stands behind every copy. Built once, when the money is taken, and stored; nothing computes it again later.
"""

import hashlib
import json
from typing import Any

FORM = "ampoule-slip/1"


def canonical(content: dict[str, Any]) -> bytes:
    """One spelling: sorted keys, no spaces, UTF-8. Numbers are integers or decimal text, never floats."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()
