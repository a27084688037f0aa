"""The sentences of the page that checks papers alone: its script speaks English, and this is what it says in a language.

`tests/web/verify/test_alone.py` compares them with `static/verify.js`.
"""

from __future__ import annotations

from vending.languages import Tongue


def sentences(spoken: Tongue) -> dict[str, str]:
    """English to this language, with the places still open: the script fills them."""
    return {
        "This is not a proof file.": spoken.template("This is not a proof file."),
        "The square's content cannot be read.": spoken.template("The square's content cannot be read."),
        "The square's text is not complete. Scan it again, whole and flat.": spoken.template(
            "The square's text is not complete. Scan it again, whole and flat."
        ),
        "This is not the text of a receipt's square: it does not begin with %(name)s.": spoken.template(
            "This is not the text of a receipt's square: it does not begin with %(name)s."
        ),
        "The squares are of different papers. Scan the squares of one paper.": spoken.template(
            "The squares are of different papers. Scan the squares of one paper."
        ),
        "The same square was read in two ways. Scan it again, whole and flat.": spoken.template(
            "The same square was read in two ways. Scan it again, whole and flat."
        ),
        "There is no square's text. Scan the square of the paper first.": spoken.template(
            "There is no square's text. Scan the square of the paper first."
        ),
        "The paper has %(count)s squares; number %(missing)s is missing. Scan it too.": spoken.template(
            "The paper has %(count)s squares; number %(missing)s is missing. Scan it too."
        ),
        "The squares do not fit together: one of them was misread or altered.": spoken.template(
            "The squares do not fit together: one of them was misread or altered."
        ),
        "The square ends too early.": spoken.template("The square ends too early."),
        "The square is of a form that this verifier does not know. Fetch a newer one.": spoken.template(
            "The square is of a form that this verifier does not know. Fetch a newer one."
        ),
        "The square's entries do not fit its content.": spoken.template(
            "The square's entries do not fit its content."
        ),
        "Log entry %(number)s is not signed by this key over this content: a figure was changed, or another module made it.": spoken.template(
            "Log entry %(number)s is not signed by this key over this content: a figure was changed, or another module made it."
        ),
        "The head of the proof is not a signed note.": spoken.template(
            "The head of the proof is not a signed note."
        ),
        "The head of the proof is of another log than the paper.": spoken.template(
            "The head of the proof is of another log than the paper."
        ),
        "The head of the proof is not signed by this key.": spoken.template(
            "The head of the proof is not signed by this key."
        ),
        "The proof is of log entry %(number)s, which is not on this paper.": spoken.template(
            "The proof is of log entry %(number)s, which is not on this paper."
        ),
        "The proof's entry %(number)s is not the one that was signed for this paper.": spoken.template(
            "The proof's entry %(number)s is not the one that was signed for this paper."
        ),
        "Log entry %(number)s says something else than this paper.": spoken.template(
            "Log entry %(number)s says something else than this paper."
        ),
        "The head names %(size)s entries; log entry %(number)s is not among them.": spoken.template(
            "The head names %(size)s entries; log entry %(number)s is not among them."
        ),
        "The path of the proof is too long.": spoken.template("The path of the proof is too long."),
        "Log entry %(number)s is not in the log of that head.": spoken.template(
            "Log entry %(number)s is not in the log of that head."
        ),
        "Receipt": spoken.template("Receipt"),
        "Sold at": spoken.template("Sold at"),
        "Total": spoken.template("Total"),
        "Meter": spoken.template("Meter"),
        "Token": spoken.template("Token"),
        "The security module signed exactly this. Compare every line with the paper: a figure that differs was changed on the paper.": spoken.template(
            "The security module signed exactly this. Compare every line with the paper: a figure that differs was changed on the paper."
        ),
        "Log entry %(number)s is in the signed log.": spoken.template(
            "Log entry %(number)s is in the signed log."
        ),
        "Genuine": spoken.template("Genuine"),
        "The key is not a key. Take it from the seller's page.": spoken.template(
            "The key is not a key. Take it from the seller's page."
        ),
        "This does not hold": spoken.template("This does not hold"),
        "Keep the paper and call the manager.": spoken.template("Keep the paper and call the manager."),
    }
