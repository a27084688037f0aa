"""The rooms beyond the till, in one list for the application."""

from __future__ import annotations

from flask import Blueprint

from vending.web.auditor import books, proof, trail
from vending.web.engineer import tokens, work
from vending.web.keys import all_limits, keys
from vending.web.manager import (
    adopted,
    api_keys,
    campaign,
    estate,
    fees,
    imports,
    jobs,
    live,
    meters,
    occupancy,
    people,
    records,
    reports,
    sales,
    sellers,
    tariffs,
)
from vending.web.supervisor import approvals, bags, budget, cash, printers, shifts, unclaimed
from vending.web.verify import pages as verify

ROOMS: tuple[Blueprint, ...] = (
    approvals.room,
    budget.room,
    shifts.room,
    bags.room,
    printers.room,
    cash.room,
    unclaimed.room,
    keys.room,
    all_limits.room,
    live.room,
    estate.room,
    records.room,
    meters.room,
    occupancy.room,
    imports.room,
    sales.room,
    reports.room,
    tariffs.room,
    fees.room,
    jobs.room,
    adopted.room,
    people.room,
    api_keys.room,
    sellers.room,
    work.room,
    tokens.room,
    campaign.room,
    proof.room,
    trail.room,
    books.room,
    verify.room,
)
