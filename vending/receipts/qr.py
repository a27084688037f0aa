"""The square on the paper: the signed entry of the issuance log, so that the paper can be checked without the network.

It carries what opens and checks the commitments (log, number, leaf, salt, signature), the meter, the tokens and the hash
of the content. It is text and no address: a token never stands in a URL. Never Micro QR: phones do not read it.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import segno

FORM = "AMPOULE1"


def payload(
    log: str,
    sequence: int,
    leaf: str,
    salt: str,
    signature: str,
    pan: str,
    tokens: list[str],
    content_hash: str,
) -> str:
    body: dict[str, Any] = {
        "c": content_hash,
        "g": log,
        "l": leaf,
        "m": pan,
        "n": sequence,
        "s": salt,
        "t": tokens,
        "x": signature,
    }
    return FORM + json.dumps(body, sort_keys=True, separators=(",", ":"))


def svg(text: str) -> str:
    """Inline SVG, four modules of quiet zone, black on white in every theme."""
    code = segno.make(text, error="m", micro=False)
    out = BytesIO()
    code.save(
        out,
        kind="svg",
        border=4,
        dark="#000",
        light="#fff",
        xmldecl=False,
        svgns=True,
        omitsize=True,
        nl=False,
    )
    return out.getvalue().decode()
