"""What people type, without what nobody can see: control characters and the marks that turn the direction of a line.

Done once, where a request comes in, so that no field can forget it (T-18): a name that moves a printer's head, opens a drawer or
shows `exe.gpj` as `jpg.exe` on somebody else's page is not a name. Line ends and tabs stay, as do the isolates and marks that a
right-to-left text needs to be written at all. What it is not: escaping. Pages, papers and files still treat every text as text.
"""

from __future__ import annotations

import re
from typing import Any

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.datastructures.structures import iter_multi_items

# C0 but for tab and line ends, DEL and C1; the embeddings and overrides U+202A to U+202E; separators of lines and paragraphs.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029\ufeff\ufff9-\ufffb]")


def visible(text: str) -> str:
    return _UNSEEN.sub("", text)


class Typed(ImmutableMultiDict[str, Any]):
    """Fields of a form or a query; files pass as they are."""

    def __init__(self, fields: Any = None) -> None:
        told = iter_multi_items(fields) if fields is not None else ()
        super().__init__((name, visible(one) if isinstance(one, str) else one) for name, one in told)


class TypedRequest(Request):
    parameter_storage_class = Typed
