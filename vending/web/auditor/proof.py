"""The auditor's page: what was checked and what it said, the signed heads, and the proof to take away.

The checks are `vending.auditor`'s, with code of its own; they run when somebody asks, because they look at every row. The
pack is a zip of CSV, signed entries, proofs of inclusion and one program that checks them without anything of ours.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, render_template, request, url_for

from keystore import module as port
from keystore.errors import KeystoreError
from vending import audit
from vending.access import policy
from vending.access.policy import Permission
from vending.analytics import keys as keyed
from vending.analytics import proofs, trail
from vending.auditor import report as checks
from vending.errors import InvalidInput, VendingError
from vending.estate import saving
from vending.services import Services
from vending.vends.content import canonical
from vending.web import gate, listing, places, words
from vending.web.frame import module_status
from vending.web.keys.keys import grouped
from vending.web.listing import Cell, Column
from vending.web.words import _, plural

room = Blueprint("proof", __name__, url_prefix="/auditor/proof")

# Proving inclusion asks the module once for each entry.
MOST_PROOFS = 2000
LONGEST_DAYS = 366


@room.get("")
@gate.needs("audit.read")
def show() -> Any:
    return _page([], _quick())


@room.post("/check")
@gate.needs("audit.read")
def check() -> Any:
    """Every invariant of the books, sales, tariffs, estate and people, on one consistent state."""
    services: Services = g.services
    _refuse_part_of_the_sites()
    with services.db.reading() as session:
        found = checks.run(session.connection(), now=services.clock.now())
    marks = {"holds": "on", "fault": "now", "not checked": "off"}
    lines = [
        {
            "state": marks[result.state],
            "sentence": words.refusal(result.check.holds),
            "detail": "; ".join(
                [
                    result.check.invariant,
                    plural("%(num)s row looked at", "%(num)s rows looked at", result.looked_at),
                    *map(words.refusal, result.faults[:3]),
                ]
            ),
            "url": "",
        }
        for result in sorted(found.results, key=lambda one: one.state != "fault")
    ]
    head = {
        "state": "on" if found.clean else "now",
        "sentence": _("All %(count)s checks hold.", count=len(found.results))
        if found.clean
        else plural("%(num)s fault was found.", "%(num)s faults were found.", found.faults),
        "detail": _("checked %(when)s", when=words.moment(services.clock.now(), places.of_request().zone)),
        "url": "",
    }
    return _page([head, *lines], [])


def _refuse_part_of_the_sites() -> None:
    services: Services = g.services
    with services.db.reading() as session:
        if not trail.reads_all(session, policy.sites_where(g.actor, Permission.AUDIT_READ)):
            raise InvalidInput(_("The checks look at all sites, and your work is at some of them only."))


def _quick() -> list[dict[str, Any]]:
    """What can be said without looking at every row."""
    services: Services = g.services
    place = places.of_request()
    status, sentence = module_status(services)
    with services.db.reading() as session:
        verdict = trail.verify(session)
    lines = [
        {
            "state": "now" if verdict.broken else "on",
            "sentence": _("The trail is broken at entries %(where)s.", where=verdict.broken)
            if verdict.broken
            else _("The trail of acts is one unbroken chain over its last %(count)s entries.", count=verdict.entries),
            "detail": plural("%(num)s entry is newer than the last head", "%(num)s entries are newer than the last head", verdict.open_entries),
            "url": url_for("trail.index"),
        }
    ]  # fmt: skip
    if status is not None and not sentence:
        lines.append(
            {
                "state": "on",
                "sentence": _("The issuance log has %(count)s entries.", count=status.sequence),
                "detail": f"{status.log}, {status.head[:16]}",
                "url": url_for("keys.show"),
            }
        )
    else:
        lines.append(
            {
                "state": "half",
                "sentence": words.refusal(sentence) or _("The security module does not answer now."),
                "detail": "",
                "url": "",
            }
        )
    lines.append(
        {
            "state": "off",
            "sentence": _("Every other promise is checked when you ask for it."),
            "detail": _("It looks at every row; %(site)s goes on selling meanwhile.", site=place.site.name),
            "url": "",
        }
    )
    return lines


def _page(
    found: list[dict[str, Any]], quick: list[dict[str, Any]], refused: VendingError | None = None
) -> Any:
    services: Services = g.services
    place = places.of_request()
    today = services.clock.now().astimezone(place.zone).date()
    with services.db.reading() as session:
        heads = keyed.list_heads(session, most=8)
    rows = []
    try:
        point = services.module.checkpoint()
        rows.append(
            [
                {"text": words.moment(services.clock.now(), place.zone), "sub": _("issuance log")},
                str(point.size),
                grouped(point.root[:16], 4),
                _("the module, now"),
                {"text": point.short},
            ]
        )
    except KeystoreError:
        pass  # without the module there is no signed head now; the trail's own are below
    rows += [
        [
            {"text": words.moment(one.closed_at, place.zone), "sub": _("trail of acts")},
            f"{one.first_entry}–{one.last_entry}",
            grouped(one.head[:16], 4),
            _("the worker"),
            "–",
        ]
        for one in heads
    ]
    html = render_template(
        "auditor/audit.html",
        page={
            "title": _("Proof"),
            "facts": [_("read only"), place.site.name],
            "actions": [{"label": _("Check everything now"), "url": url_for("proof.check"), "post": True}],
        },
        checks=found or quick,
        heads=rows,
        heads_url=url_for("proof.heads"),
        pack={
            "action": url_for("proof.pack"),
            "from_value": request.form.get("from", (today - timedelta(days=30)).isoformat()),
            "to_value": request.form.get("to", today.isoformat()),
            "error": words.refusal(refused.sentence) if refused else "",
            "text": "",
        },
        acts=None,
    )
    return html if refused is None else (html, 422)


@room.get("/heads")
@gate.needs("audit.read")
def heads() -> Any:
    services: Services = g.services
    place = places.of_request()

    def fetch(offset: int, most: int) -> list[listing.Row]:
        with services.db.reading() as session:
            found = keyed.list_heads(session, offset=offset, most=most)
        return [
            [
                Cell(words.moment(one.closed_at, place.zone), one.closed_at),
                Cell(str(one.first_entry), one.first_entry),
                Cell(str(one.last_entry), one.last_entry),
                Cell(one.head[:32] + "…", one.head),
            ]
            for one in found
        ]

    title = _("Heads of the trail")
    return listing.answer(
        listing.Listing(
            name="trail-heads",
            page={"title": title, "crumbs": [{"label": _("Proof"), "url": url_for("proof.show")}, {"label": title}]},
            columns=[Column("closed at", _("When")), Column("first entry", _("From entry"), end=True), Column("last entry", _("To entry"), end=True), Column("head", _("Head"))],
            fetch=fetch,
            nothing={"title": _("No head yet"), "text": _("The worker closes the trail every minute in which something was done."), "action": "", "url": ""},
        )
    )  # fmt: skip


@room.post("/pack")
@gate.needs("audit.read")
def pack() -> Any:
    services: Services = g.services
    place = places.of_request()
    try:
        first, last, since, until = _span()
        content = _packed(since, until)
    except VendingError as refused:
        return _page([], _quick(), refused)
    with services.db.writing() as session:
        audit.record(
            session,
            services.clock,
            actor=g.actor,
            act="proof pack made",
            subject=f"site:{place.site_key}",
            detail={"from": first, "to": last},
        )
    name = f"proof-{first}-{last}.zip"
    return Response(
        content,
        mimetype="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _span() -> tuple[str, str, datetime, datetime]:
    zone = places.of_request().zone
    first = listing.day_of(request.form.get("from", ""))
    last = listing.day_of(request.form.get("to", ""))
    if first is None or last is None:
        raise InvalidInput(_("Choose the first and the last day."), "from")
    if last < first or (last - first).days >= LONGEST_DAYS:
        raise InvalidInput(_("Choose days in their order, at most a year of them."), "from")
    return (
        first.isoformat(),
        last.isoformat(),
        datetime.combine(first, time(), zone),
        datetime.combine(last + timedelta(days=1), time(), zone),
    )


README = """Proof pack of {site}, {first} to {last}

sales.csv     every sale            tokens.csv   every token, with its entry of the issuance log
trail.csv     what people did       slips/       the content of each slip, byte for byte as it was hashed
entries/      each entry of the log that gave a token, with the module's signature
proofs/       that the entry is in the log of the signed head in head.txt ({proofs} of {entries})
verify_log.py one program that checks all of it. It needs Python and the package cryptography, and nothing of Ampoule:

    python verify_log.py pack . --key {key}

Compare the key with the one that you noted at the ceremony, or with `keystore status` on the module's own machine: a key
that came with the pack proves nothing by itself.
"""


def _packed(since: datetime, until: datetime) -> bytes:
    services: Services = g.services
    place = places.of_request()
    status = services.module.status()
    sites = policy.sites_where(g.actor, Permission.AUDIT_READ)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as pack:
        for folder in ("slips/", "entries/", "proofs/"):
            pack.writestr(folder, "")
        with services.db.reading() as session:
            entries = proofs.proved(session, place.site_key, since, until)
            sales = []
            for receipt, sold_at, till, cashier, currency, total, content, digest in proofs.slips(
                session, place.site_key, since, until
            ):
                sales.append(
                    (receipt, sold_at, till, cashier, currency, words.plain_money(total, currency), digest)
                )
                pack.writestr(f"slips/{receipt}.json", canonical(content))
            acts = trail.list_entries(session, sites, since=since, until=until, most=1_000_000)
        _csv(
            pack,
            "sales.csv",
            ("receipt", "sold at", "till", "person", "currency", "money", "slip hash"),
            sales,
        )
        _csv(
            pack,
            "tokens.csv",
            ("log entry", "receipt", "sold at", "kind", "meter", "token", "units"),
            [
                (
                    str(one.sequence),
                    one.receipt,
                    one.sold_at,
                    one.kind,
                    one.pan,
                    token,
                    f"{one.units / 10:.1f}",
                )
                for one in entries
                for token in one.tokens
            ],
        )
        _csv(
            pack,
            "trail.csv",
            ("entry", "at", "person", "act", "subject", "reason", "detail"),
            [
                (one.id, one.at, one.actor_name, one.act, one.subject, one.reason, json.dumps(one.detail, ensure_ascii=False, sort_keys=True))
                for one in acts
            ],
        )  # fmt: skip
        for one in entries:
            pack.writestr(f"entries/{one.sequence:010d}.json", json.dumps(one.as_receipt(), indent=1))
        proved = _proofs(pack, entries)
        program = Path(port.__file__).with_name("verify_log.py")
        pack.writestr("verify_log.py", program.read_bytes())
        pack.writestr(
            "README.txt",
            README.format(
                site=place.site.name,
                first=since.date(),
                last=(until - timedelta(seconds=1)).date(),
                key=status.public_key,
                proofs=proved,
                entries=len(entries),
            ),
        )
    return file.getvalue()


def _csv(pack: zipfile.ZipFile, name: str, heading: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    pack.writestr(name, saving.MARK + "".join(saving.csv_lines(heading, rows)))


def _proofs(pack: zipfile.ZipFile, entries: list[proofs.Proved]) -> int:
    """Inclusion of each entry, proved by the module under one head signed now; the newest ones if there are too many."""
    services: Services = g.services
    chosen = entries[-MOST_PROOFS:]
    for one in chosen:
        found = services.module.proof(one.sequence)
        pack.writestr(
            f"proofs/{one.sequence:010d}.json",
            json.dumps({"leaf_data": found.leaf_data, "leaf": found.leaf, "path": list(found.path), "note": found.checkpoint.note}, indent=1),
        )  # fmt: skip
    pack.writestr("head.txt", services.module.checkpoint().note)
    return len(chosen)
