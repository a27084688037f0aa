"""`/healthz`: the process answers. `/readyz`: it can sell. `/metrics`: figures for a monitoring system.

For machines, without sign-in. The first two say no details. The third is for this machine, or for whoever has
`metrics_key`: its figures tell how much a site sells.
"""

from __future__ import annotations

import hmac
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, request

from vending import condition
from vending.condition import FAIL
from vending.services import Services
from vending.web import gate, metrics

room = Blueprint("health", __name__)


@room.get("/healthz")
@gate.needs(gate.PUBLIC)
def alive() -> Any:
    """The process answers."""
    return jsonify(status="ok")


@room.get("/readyz")
@gate.needs(gate.PUBLIC)
def ready() -> Any:
    """It can sell: database, its version, module, clock and disk."""
    services: Services = g.services
    status, module = condition.ask_module(services.module)
    findings = [
        condition.of_database(services.db),
        condition.of_migrations(services.db),
        module,
        condition.of_clock(services.db, services.clock, status),
        condition.of_disk(services.settings.folder),
    ]
    parts = {finding.part: finding.state != FAIL for finding in findings}
    good = all(parts.values())
    return jsonify(status="ready" if good else "not ready", parts=parts), 200 if good else 503


@room.get("/metrics")
@gate.needs(gate.PUBLIC)
def figures() -> Any:
    """Figures in Prometheus' form, for this machine or with the metrics key."""
    services: Services = g.services
    if not _may_read(services.settings.metrics_key):
        abort(403)
    return Response(metrics.page(services), content_type=metrics.CONTENT_TYPE)


def _may_read(key: str) -> bool:
    given = request.headers.get("Authorization", "")
    if key and hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
        return True
    # A server in front is on this machine as well: what it passes on came from elsewhere.
    passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.remote_addr in ("127.0.0.1", "::1") and not passed_on
