"""What must hold for tariffs: unchanged since approval, two people, one price at every moment, right meters (rules.md 4)."""

from __future__ import annotations

import hashlib
import json
import tomllib

from vending.auditor.check import Books, Check

VERSIONS = "SELECT count(*) FROM tariff_version"
PUBLISHED = "SELECT count(*) FROM tariff_publication"

ACCOUNT_ONLY = {
    "by_period",
    "by_season_and_period",
    "whole_slab",
    "blocks_then_slab",
    "monthly_by_units",
    "demand",
    "excess_demand",
    "percent_given",
    "minimum",
}


def _hashes(books: Books) -> list[str]:
    return [
        f"{code} version {number} is not the document that was {'approved' if approved else 'drafted'}"
        for code, number, text, own, approved in books.rows(
            "SELECT v.code, v.number, v.text, v.hash, p.hash FROM tariff_version v"
            " LEFT JOIN tariff_publication p ON p.version_id = v.id ORDER BY v.code, v.number"
        )
        if hashlib.sha256(text.encode()).hexdigest() != own or approved not in (None, own)
    ]


def _columns(books: Books) -> list[str]:
    """The columns that decide which version is in force must say what the document says."""
    faults = []
    for code, number, text, *columns in books.rows(
        "SELECT v.code, v.number, v.text, v.code, v.service, v.currency, v.valid_from, v.valid_until, p.valid_from, p.code"
        " FROM tariff_version v LEFT JOIN tariff_publication p ON p.version_id = v.id"
    ):
        document = tomllib.loads(text)
        until = document.get("valid_until")
        start = document["valid_from"].isoformat()
        told = [
            document["code"],
            document["service"],
            document["currency"],
            start,
            until and until.isoformat(),
        ]
        if told != columns[:5] or columns[5] not in (None, start) or columns[6] not in (None, code):
            faults.append(f"{code} version {number}: the row does not say what its document says")
    return faults


def _meters(books: Books) -> list[str]:
    """No meter that is sold to by token stands on a tariff that needs an account."""
    needs_account = set()
    for code, text in books.rows(
        "SELECT v.code, v.text FROM tariff_version v JOIN tariff_publication p ON p.version_id = v.id"
    ):
        charges = tomllib.loads(text).get("charge", [])
        if any(charge["kind"] in ACCOUNT_ONLY or "waived_upto" in charge for charge in charges):
            needs_account.add(code)
    named = set(
        books.rows("SELECT pan, tariff FROM meter WHERE credit_in = 'meter' AND tariff IS NOT NULL")
        + books.rows(
            "SELECT m.pan, r.tariff FROM meter_register r JOIN meter m ON m.key = r.meter_key"
            " WHERE m.credit_in = 'meter' AND r.tariff IS NOT NULL"
        )
    )
    for pan, own, service, told in books.rows(
        "SELECT m.pan, m.tariff, m.service, l.tariffs FROM meter m JOIN lease l ON l.space_key = m.space_key"
        " WHERE m.credit_in = 'meter' AND l.ended_at IS NULL"
    ):
        tariffs = json.loads(told) if isinstance(told, str) else told
        if service in tariffs:
            # The lease's tariff goes before the meter's own.
            named.discard((pan, own))
            named.add((pan, tariffs[service]))
    return [
        f"meter {pan} is sold to by token, but its tariff {tariff} needs an account meter"
        for pan, tariff in sorted(named)
        if tariff in needs_account
    ]


CHECKS = (
    Check(
        "tariffs.unchanged",
        "I-02",
        "Every published tariff is, byte for byte, what was approved.",
        ("tariff_version", "tariff_publication"),
        VERSIONS,
        _hashes,
    ),
    Check(
        "tariffs.rows_say_what_documents_say",
        "I-02",
        "The columns of a version repeat its document.",
        ("tariff_version", "tariff_publication"),
        VERSIONS,
        _columns,
    ),
    Check(
        "tariffs.two_people",
        "I-17",
        "Every publication was asked for by one person and approved by another.",
        ("tariff_publication",),
        PUBLISHED,
        "SELECT code, valid_from, requested_by FROM tariff_publication WHERE requested_by = approved_by"
        " OR requested_by = '' OR approved_by = ''",
        "{0} from {1} was published by {2} alone",
    ),
    Check(
        "tariffs.one_price_at_a_time",
        "I-04",
        "The published versions of a tariff neither overlap nor leave a gap.",
        ("tariff_version", "tariff_publication", "tariff_withdrawal"),
        PUBLISHED,
        "SELECT code, number, valid_until, following FROM (SELECT v.code, v.number, v.valid_from, v.valid_until,"
        " lead(v.valid_from) OVER (PARTITION BY v.code ORDER BY v.valid_from) AS following FROM tariff_version v"
        " JOIN tariff_publication p ON p.version_id = v.id"
        " WHERE v.id NOT IN (SELECT version_id FROM tariff_withdrawal)) o"
        " WHERE following = valid_from OR (valid_until IS NOT NULL AND following IS NOT NULL AND valid_until <> following)",
        "{0} version {1} ends {2} and the next begins {3}",
    ),
    Check(
        "tariffs.numbers",
        "I-02",
        "The versions of a tariff are numbered from one without gaps.",
        ("tariff_version",),
        VERSIONS,
        "SELECT code, count(*), max(number) FROM tariff_version GROUP BY code HAVING count(*) <> max(number) OR min(number) <> 1",
        "{0} has {1} versions, the last is number {2}",
    ),
    Check(
        "tariffs.suit_their_meters",
        "rules 4",
        "No meter sold to by token stands on a tariff with time of use, demand or a monthly minimum.",
        ("tariff_version", "tariff_publication", "meter", "meter_register", "lease"),
        "SELECT count(*) FROM meter",
        _meters,
    ),
)
