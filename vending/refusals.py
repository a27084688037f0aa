"""A refusal in the reader's language. It is raised in English, in code that knows no reader and by a module that knows no language.

The English sentence is known by its shape: `refusals.po` keeps every sentence of the code with its values as places ({1},
{2}, …), so a page finds the sentence again, takes the values out and puts them into the translation. Codes stay as they
are, and so do logs, commands and the API, which speak English everywhere (docs/adr/0032). What is not found is shown as it
was said, never left out. `tools/messages.py check` fails on a sentence that a language lacks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from babel.messages.pofile import read_po

from vending.languages import FOLDER, Tongue

PLACE = re.compile(r"\{(\d+)\}")
DEEPEST = 3  # a sentence may carry another as its value


@dataclass(frozen=True, slots=True)
class Shape:
    """One sentence with places: what it looks like in English, how much of it is fixed, and what it is in this language."""

    pattern: re.Pattern[str]
    fixed: int
    translation: str


@cache
def _known(language: str) -> tuple[dict[str, str], tuple[Shape, ...]]:
    path = FOLDER / language / "refusals.po"
    if not path.is_file():
        return {}, ()
    plain: dict[str, str] = {}
    shapes: list[Shape] = []
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    for message in catalogue:
        english, said = str(message.id or ""), str(message.string or "")
        if not english or not said:
            continue
        if PLACE.search(english):
            shapes.append(Shape(_pattern(english), len(PLACE.sub("", english)), said))
        else:
            plain[english] = said
    # What is most particular first: a short shape would take a longer sentence for its value.
    return plain, tuple(sorted(shapes, key=lambda one: -one.fixed))


def _pattern(english: str) -> re.Pattern[str]:
    pieces = PLACE.split(english)
    return re.compile(
        "".join(
            f"(?P<p{piece}>.*?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces)
        ),
        re.DOTALL,
    )


def in_language(tongue: Tongue, sentence: str, *, depth: int = 0) -> str:
    """The sentence as this language says it; as it was where nothing is known of it."""
    if tongue.code == "en" or not sentence or depth > DEEPEST:
        return sentence
    plain, shapes = _known(tongue.code)
    if sentence in plain:
        return plain[sentence]
    for shape in shapes:
        found = shape.pattern.fullmatch(sentence)
        if found is None:
            continue
        return _filled(tongue, shape.translation, found.groupdict(), depth + 1)
    return sentence


def _filled(tongue: Tongue, translation: str, values: dict[str, str], depth: int) -> str:
    said = {name[1:]: tongue.kept(_value(tongue, value, depth)) for name, value in values.items()}
    return PLACE.sub(lambda place: said.get(place[1], ""), translation)


def _value(tongue: Tongue, value: str, depth: int) -> str:
    """A value may be a sentence of its own, or a word that the catalogue of the pages has."""
    said = in_language(tongue, value.strip(), depth=depth)
    if said != value.strip():
        return value.replace(value.strip(), said)
    return tongue.speak(value) if value.strip() else value
