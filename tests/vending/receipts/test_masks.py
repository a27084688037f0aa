"""The best mask of eight, against the rules read once more in plain loops, and the symbol against segno's own."""

from __future__ import annotations

import random
import re

import segno

from vending.receipts import masks, qr

CHANCE = random.Random(18004)


def penalty(rows: list[bytes]) -> int:
    """ISO/IEC 18004 7.8.3.1, word for word and slowly."""
    size, found = len(rows), 0
    columns = [bytes(row[at] for row in rows) for at in range(size)]
    for line in (*rows, *columns):
        text = "".join(map(str, line))
        found += sum(len(run[0]) - 2 for run in re.finditer(r"0{5,}|1{5,}", text))
        wide = "0000" + text + "0000"
        for at in range(4, len(wide) - 10):
            if wide[at : at + 7] == "1011101" and (
                wide[at - 4 : at] == "0000" or wide[at + 7 : at + 11] == "0000"
            ):
                found += 40
    for row in range(size - 1):
        for at in range(size - 1):
            found += 3 * (
                len({rows[row][at], rows[row][at + 1], rows[row + 1][at], rows[row + 1][at + 1]}) == 1
            )
    percent = 100 * sum(map(sum, rows)) / size**2
    return found + 10 * int(abs(percent - 50) / 5)


def test_the_mask_with_the_least_penalty_is_taken() -> None:
    chosen_masks = set()
    for length in (60, 90, 140, 200, 260):
        (text,) = qr.squares("ampoule/3f0c12ab", CHANCE.randbytes(length), [])
        symbols = [[bytes(row) for row in qr._masked(text, mask)] for mask in range(8)]
        penalties = [penalty(symbol) for symbol in symbols]
        assert list(masks.scores(masks.np.stack([masks._modules(symbol) for symbol in symbols]))) == penalties
        best = list(qr.matrix(text))
        assert best in symbols
        assert penalty(best) == min(penalties)
        chosen_masks.add(symbols.index(best))
    assert len(chosen_masks) > 1, "one mask for all would mean that nothing was chosen"


def test_other_texts_are_segno_s_alone() -> None:
    assert qr.matrix("otpauth://totp/x") == tuple(
        bytes(row) for row in segno.make("otpauth://totp/x", error="m", micro=False).matrix
    )


def test_the_drawing_says_every_module() -> None:
    (text,) = qr.squares("ampoule/3f0c12ab", CHANCE.randbytes(80), [])
    rows = qr.matrix(text)
    drawn = [[0] * len(rows) for _ in rows]
    for x, y, count in re.findall(r"M(\d+) (\d+)\.5h(\d+)", qr.svg(text)):
        for at in range(int(count)):
            drawn[int(y) - qr.QUIET][int(x) - qr.QUIET + at] = 1
    assert [bytes(row) for row in drawn] == list(rows)
