"""What print agents ask for: the next paper of their till, and that they say how it went. JSON, with a paired secret.

No cookie and no form, so no word against forged forms; every call is a POST with `Authorization: Bearer …`. What a person
sees and decides about printers is `supervisor/printers.py`.
"""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, g, jsonify, request

from vending.receipts import print_queue
from vending.services import Services
from vending.web import gate

room = Blueprint("print_agents", __name__, url_prefix="/print-agent")


def _agent() -> print_queue.AgentView:
    services: Services = g.services
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    with services.db.reading() as session:
        return print_queue.agent_of(session, secret if scheme == "Bearer" else "")


def _told(name: str) -> str:
    told = request.get_json(silent=True)
    value = told.get(name) if isinstance(told, dict) else None
    return value if isinstance(value, str) else ""


@room.errorhandler(print_queue.AgentUnknown)
def _unknown(refused: print_queue.AgentUnknown) -> Any:
    # 401 and not 403: the address is everybody's, the secret is not known.
    return jsonify(error=refused.code, sentence=refused.sentence), 401


@room.post("/next")
@gate.needs(gate.PUBLIC)
def next_paper() -> Any:
    services: Services = g.services
    agent = _agent()
    job = print_queue.fetch(services.db, services.clock, agent, trouble=_told("trouble"))
    if job is None:
        return jsonify(job=None)
    data = print_queue.data_of(
        services.db, services.clock, job, agent, test=services.settings.is_demonstration
    )
    return jsonify(job={"name": job.name, "data": base64.b64encode(data).decode()})


@room.post("/done")
@gate.needs(gate.PUBLIC)
def done() -> Any:
    services: Services = g.services
    print_queue.settle(services.db, services.clock, _agent(), _told("name"), _told("outcome"))
    return jsonify(done=True)
