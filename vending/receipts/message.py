"""A receipt to a telephone and to a mailbox: a short text that is enough to enter the tokens, and a letter that is all of it.

The content is the paper's; the letter follows the blocks of a roll, so that nothing is forgotten in one form. Not here: who
sends it and whether it arrived.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from vending.languages import tongue
from vending.receipts.roll import Block, blocks
from vending.receipts.thermal import folded
from vending.receipts.wording import Paper, PaperToken

COLUMNS = 60
# The letters of a text message that count once; with any other, a part holds 70 letters instead of 160.
GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
# What the alphabet lacks and another letter says as well.
_NEAR = str.maketrans({"\u2212": "-", "\u202f": " ", "\u00a0": " ", "·": "-", "’": "'", "×": "x"})


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    text: str
    html: str


def sms(paper: Paper) -> str:
    """Who sold, what was paid, and each token with its meter. A token stands on a line of its own, so that a telephone
    copies it whole."""
    spoken = tongue(paper.language)
    lines = [
        spoken.speak(
            "%(seller)s: %(total)s paid, receipt %(number)s.",
            seller=paper.seller.name[:40],
            total=paper.total,
            number=paper.number,
        )
    ]
    for token in paper.tokens:
        lines += [_one_token(token), _grouped(token.digits)]
    if paper.change:
        lines.append(f"{paper.words.change} {paper.change}")
    lines += paper.enter if not paper.tokens or len(paper.enter) > 1 else ()
    text = "\n".join(" ".join(line.split()) for line in lines)
    near = "".join(map(_near, text.translate(_NEAR)))
    return near if set(near) <= GSM else text


def _near(letter: str) -> str:
    """A letter without the accent that the alphabet lacks: three messages for one cedilla would be dear."""
    plain = unicodedata.normalize("NFD", letter)[0]
    return plain if letter not in GSM and plain in GSM else letter


def parts_of(text: str) -> int:
    """How many parts a network counts for it."""
    one, more = (160, 153) if set(text) <= GSM else (70, 67)
    return 1 if len(text) <= one else -(-len(text) // more)


def _one_token(token: PaperToken) -> str:
    units = f"{token.units} {token.unit}".strip()
    return " ".join(part for part in (f"{token.n}.", token.title, units, token.detail) if part)


def _grouped(digits: str) -> str:
    return " ".join(digits[start : start + 4] for start in range(0, 20, 4))


def letter(paper: Paper) -> Letter:
    spoken = tongue(paper.language)
    subject = spoken.speak(
        "%(kind)s %(number)s from %(seller)s",
        kind=paper.kind,
        number=paper.number,
        seller=" ".join(paper.seller.name.split())[:60],
    )
    kept = [block for block in blocks(paper) if block.kind != "square"]
    return Letter(subject, "\n".join(_text(kept)) + "\n", str(_html(paper, kept)))


def _text(kept: list[Block]) -> Iterator[str]:
    for block in kept:
        if block.kind in ("rule", "heavy"):
            yield "-" * COLUMNS
        elif block.kind == "digits":
            yield "    " + _grouped(block.text)
        elif block.kind == "pair":
            lines = folded(block.text, max(COLUMNS - len(block.end) - 1, 20)) or [""]
            yield from lines[:-1]
            yield lines[-1] + " " * max(COLUMNS - len(lines[-1]) - len(block.end), 1) + block.end
        else:
            yield from (("  " if block.indent else "") + line for line in folded(block.text, COLUMNS))


def _html(paper: Paper, kept: list[Block]) -> Markup:
    """Tables and plain styles: mail programs know nothing else. No picture is fetched from anywhere."""
    rows = []
    for block in kept:
        strong = "font-weight:bold;" if block.bold else ""
        large = (
            "font-size:18px;" if block.size == "large" else "font-size:13px;" if block.size == "small" else ""
        )
        if block.kind in ("rule", "heavy"):
            rows.append(
                Markup(
                    '<tr><td colspan="2" style="border-top:1px solid #000;line-height:4px">&nbsp;</td></tr>'
                )
            )
        elif block.kind == "digits":
            rows.append(
                Markup(
                    '<tr><td colspan="2" dir="ltr" style="font-size:24px;font-weight:bold;white-space:nowrap">{}</td></tr>'
                ).format(_grouped(block.text))
            )
        elif block.kind == "pair":
            rows.append(
                Markup(
                    '<tr><td style="{style}">{what}</td><td style="{style}text-align:end;white-space:nowrap;padding-inline-start:16px">{amount}</td></tr>'
                ).format(style=strong + large, what=block.text, amount=block.end)
            )
        else:
            rows.append(
                Markup('<tr><td colspan="2" style="{}">{}</td></tr>').format(strong + large, block.text)
            )
    return Markup(
        '<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8"><title>{title}</title></head>'
        '<body style="margin:0;background:#fff;color:#000;font-family:sans-serif;font-size:15px;line-height:1.4">'
        '<table role="presentation" dir="{dir}" style="max-width:36em;margin:16px auto;border-collapse:collapse">{rows}</table></body></html>'
    ).format(
        lang=paper.language,
        dir=paper.direction,
        title=f"{paper.kind} {paper.number}",
        rows=Markup("").join(rows),
    )
