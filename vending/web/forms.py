"""A form told as values: shown empty or as it was typed, refused beside the field, done with one line and an address.

A new act needs a view with its fields and no new page (`form.html`). What a value means is judged by the service that is
called; a refusal that names a field stands under it, any other stands on top.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import flash, redirect, render_template, request

from vending.errors import InvalidInput, NotFound, VendingError
from vending.web import words
from vending.web.errors import status_of
from vending.web.words import _


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: text password email tel number date area money choose segments tick hidden heading note."""

    name: str
    label: str
    kind: str = "text"
    value: str = ""
    hint: str = ""
    options: Sequence[tuple[str, str]] = ()
    before: str = ""
    after: str = ""
    needed: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    page: dict[str, Any]
    fields: Sequence[Field]
    submit: str
    back: str  # where "do nothing" leads
    warning: str = ""
    aside: Sequence[str] = ()
    action: str = ""
    scan: Mapping[str, Any] | None = (
        None  # a scanner's field above the form: {action, label, value, error, more}
    )
    first: str = ""  # a button that shows what would be done before `submit` is offered
    kept: Mapping[str, str] = field(default_factory=dict)  # hidden values that go along

    def show(self, refused: VendingError | None = None, *, before: Sequence[Mapping[str, Any]] = ()) -> Any:
        """The form; after a refusal with what was typed and the sentence where it belongs. `before`: what it would do, as
        parts of a page ({title, note, pairs_list | columns, rows}), with what was typed still in its fields."""
        typed: Mapping[str, str] = request.form if refused is not None or before else {}
        at = refused.field if isinstance(refused, InvalidInput) else None
        names = {one.name for one in self.fields}
        beside = at if at in names else None
        html = render_template(
            "form.html",
            page=self.page,
            form={
                "action": self.action or request.full_path.rstrip("?"),
                "fields": [_told(one, typed, refused, beside) for one in self.fields],
                "submit": "" if self.first and not before else self.submit,
                "first": (_("Look again") if before else self.first) if self.first else "",
                "before": list(before),
                "kept": dict(self.kept),
                "cancel": {"label": _("Do nothing"), "url": self.back},
                "warning": self.warning,
                "refused": words.refusal(refused.sentence) if refused is not None and beside is None else "",
                "errors": [],
                "id": "",
            },
            aside=list(self.aside),
            scan=self.scan,
        )
        return html if refused is None else (html, max(status_of(refused), 400))


def _told(
    one: Field, typed: Mapping[str, str], refused: VendingError | None, beside: str | None
) -> dict[str, Any]:
    value = typed.get(one.name, one.value) if one.kind != "tick" else "1"
    attributes = dict(one.attributes)
    if one.needed:
        attributes["required"] = True
    if one.kind == "area":
        attributes.setdefault("rows", 6)
    return {
        "kind": one.kind,
        "name": one.name,
        "label": one.label,
        "value": value,
        "hint": one.hint,
        "error": words.refusal(refused.sentence) if refused is not None and beside == one.name else "",
        "options": [{"value": option, "label": label} for option, label in one.options],
        "checked": bool(typed.get(one.name)) if typed else one.value == "1",
        "before": one.before,
        "after": one.after,
        "attributes": attributes,
    }


def wants_to_look() -> bool:
    """Whether the form was sent only to see what it would do (`Form.first`)."""
    return request.form.get("step") != "do"


def done(sentence: str, address: str) -> Any:
    """After an act: to the page where its effect is seen, with one line that says what was done."""
    flash(sentence)
    return redirect(address, 303)


def text(name: str, *, most: int = 400) -> str:
    """A line as it was typed, without the spaces around it."""
    return request.form.get(name, "").strip()[:most]


def reason(*, field_name: str = "reason") -> str:
    said = " ".join(request.form.get(field_name, "").split())[:500]
    if len(said) < 5:
        raise InvalidInput(_("Say why, in a few words. It stays in the trail."), field_name)
    return said


def number(name: str, label: str, *, least: int = 0, most: int = 10**9, empty: int | None = None) -> int:
    said = request.form.get(name, "").strip()
    if not said and empty is not None:
        return empty
    if not said.isascii() or not said.isdigit() or len(said) > 12 or not least <= int(said) <= most:
        raise InvalidInput(
            _("%(label)s is a whole number from %(least)s to %(most)s.", label=label, least=least, most=most),
            name,
        )
    return int(said)


def signed_number(text: str, *, most: int) -> int | None:
    """A whole number that may be below zero, with either minus; None for anything else. `isdigit` alone would let `²` in."""
    found = re.fullmatch(r"[-−]?(\d{1,9})", text, re.ASCII)
    if found is None or int(found[1]) > most:
        return None
    return int(text.replace("−", "-"))


def reason_field(label: str = "") -> Field:
    return Field(
        "reason",
        label or _("Why"),
        needed=True,
        hint=_("It stays in the trail."),
        attributes={"maxlength": 500, "autocomplete": "off"},
    )


def unfit(sentence: str, field_name: str) -> InvalidInput:
    """A refusal of the page itself, beside the field."""
    return InvalidInput(sentence, field_name)


def gone(sentence: str) -> NotFound:
    return NotFound(sentence)
