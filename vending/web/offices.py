"""The rooms beyond the till, in one list for the application."""

from __future__ import annotations

from flask import Blueprint

from vending.web.manager import api_keys, people
from vending.web.supervisor import approvals, budget

ROOMS: tuple[Blueprint, ...] = (approvals.room, budget.room, people.room, api_keys.room)
