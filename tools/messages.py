"""The catalogues of the languages: collects the sentences of code and templates, and says what is not translated yet.

    .venv/bin/python tools/messages.py update            new sentences into vending/translations/*/{messages,refusals}.po
    .venv/bin/python tools/messages.py check [PATH...]   exit status 1 if a sentence of these paths (default: all) lacks one, or one is broken

The pages' own sentences stand in `_()`, `ngettext()`, `plural()`, `speak()` and `template()`. The files are sorted by sentence and carry no line numbers
and no dates, so that two people's changes meet as seldom as can be. Sentences that are gone are taken out. What
the product refuses with stands in `refusals.po` (`tools/refusals.py`): values are {1}, {2}, … there.
"""

import argparse
import re
import sys
from collections import Counter
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

sys.path.insert(0, str(Path(__file__).parent))
import refusals

ROOT = Path(__file__).parent.parent
TRANSLATIONS = ROOT / "vending" / "translations"
METHODS = (("vending/**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2"))
KEYWORDS = {"_": None, "ngettext": (1, 2), "plural": (1, 2), "speak": None, "template": None}
HEADER = "# Ampoule's sentences in {name}. `.venv/bin/python tools/messages.py update` adds what is new; translate the msgstr lines."
VOLATILE = (
    "POT-Creation-Date",
    "PO-Revision-Date",
    "Generated-By",
    "Last-Translator",
    "Project-Id",
    "Report-Msgid",
    "Language-Team",
)


def collected() -> Catalog:
    """Every sentence of the code and the templates, with the files that say it."""
    found = Catalog(charset="utf-8")
    for place in ("vending", "templates"):
        for name, _line, message, comments, context in extract_from_dir(
            ROOT / place,
            [
                (pattern.removeprefix(f"{place}/"), how)
                for pattern, how in METHODS
                if pattern.startswith(place)
            ],
            {
                "**.html": {"trimmed": "true", "newstyle_gettext": "true"},
                "**.txt": {"newstyle_gettext": "true"},
            },
            keywords=KEYWORDS,
        ):
            found.add(message, None, [(f"{place}/{name}", 1)], auto_comments=comments, context=context)
    return found


def languages() -> list[str]:
    return sorted(path.parent.name for path in TRANSLATIONS.glob("*/messages.po"))


def read(language: str, name: str = "messages.po") -> Catalog:
    with (TRANSLATIONS / language / name).open("rb") as file:
        return read_po(file, locale=language)


def write(language: str, catalogue: Catalog, name: str = "messages.po") -> None:
    catalogue.header_comment = HEADER.format(
        name=catalogue.locale.english_name if catalogue.locale else language
    )
    out = BytesIO()
    write_po(out, catalogue, width=0, sort_output=True, include_lineno=False, ignore_obsolete=True)
    lines = out.getvalue().decode().splitlines(keepends=True)
    kept = "".join(line for line in lines if not line.startswith(tuple(f'"{name}' for name in VOLATILE)))
    (TRANSLATIONS / language / name).write_text(kept, encoding="utf-8")


def refused() -> Catalog:
    """Every refusal that reaches a page, with its values as places."""
    found = Catalog(charset="utf-8")
    for sentence, name in refusals.collected().items():
        found.add(sentence, None, [(name, 1)])
    return found


FILES = {"messages.po": collected, "refusals.po": refused}


def update() -> None:
    for name, collect in FILES.items():
        found = collect()
        for language in languages():
            catalogue = read(language, name)
            catalogue.update(found, no_fuzzy_matching=True, update_header_comment=False)
            write(language, catalogue, name)
            lacking = len(missing(catalogue, found, ()))
            print(f"{language}: {len(found) - lacking} of {len(found)} sentences of {name} translated")


def missing(catalogue: Catalog, found: Catalog, paths: tuple[str, ...]) -> list[Message]:
    """The sentences of these paths that the catalogue says nothing for."""
    lacking = []
    for message in found:
        if not message.id or (paths and not any(name.startswith(paths) for name, _line in message.locations)):
            continue
        known = catalogue.get(message.id, message.context)
        said = known.string if known is not None and not known.fuzzy else ""
        if not (all(said) if isinstance(said, (tuple, list)) else said):
            lacking.append(message)
    return lacking


PLACE = re.compile(r"%\((\w+)\)[sd]")
VALUE = re.compile(r"\{\d+\}")


def broken(catalogue: Catalog) -> list[str]:
    """What is said wrongly: a place that is lost or invented, a plural form that is not there, a per cent sign that would fail."""
    faults = []
    for message in catalogue:
        asked = message.id if isinstance(message.id, (tuple, list)) else (message.id,)
        said = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
        if not message.id or not any(said):
            continue
        places = set(PLACE.findall(asked[-1]))
        if len(said) != (catalogue.num_plurals if len(asked) > 1 else 1) or not all(said):
            faults.append(f"{asked[0]!r} has {sum(map(bool, said))} forms")
        for one in filter(None, said):
            found = set(PLACE.findall(one))
            # "One sale" needs no number; every other place stands in every form.
            lost = places - found - ({"num"} if len(asked) > 1 else set())
            if found - places or lost:
                faults.append(f"{asked[0]!r}: {one!r} has other places")
            if places and "%" in PLACE.sub("", one).replace("%%", ""):
                faults.append(f"{asked[0]!r}: {one!r} has a per cent sign of its own; write %%")
    return faults


def misplaced(catalogue: Catalog) -> list[str]:
    """Refusals whose translation loses or invents a place."""
    return [
        f"{message.id!r}: {message.string!r} has other places"
        for message in catalogue
        if message.id
        and message.string
        and set(VALUE.findall(message.id)) != set(VALUE.findall(message.string))
    ]


def check(paths: tuple[str, ...]) -> int:
    status = False
    for file_name, collect in FILES.items():
        found = collect()
        for language in languages():
            catalogue = read(language, file_name)
            lacking = missing(catalogue, found, paths)
            faults = broken(catalogue) if collect is collected else misplaced(catalogue)
            per_file = Counter(name for message in lacking for name, _line in message.locations[:1])
            print(f"{language}: {len(lacking)} sentences of {file_name} are not translated")
            for name, count in sorted(per_file.items()):
                print(f"  {count:4} {name}")
            print(*(f"  {fault}" for fault in faults), sep="\n", end="\n" if faults else "")
            status = status or bool(lacking or faults)
    return int(status)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("update", "check"))
    parser.add_argument("paths", nargs="*", help="beginnings of file names, as vending/receipts")
    given = parser.parse_args()
    if given.what == "check":
        return check(tuple(given.paths))
    update()
    return 0


if __name__ == "__main__":
    sys.exit(main())
