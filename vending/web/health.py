"""`/healthz`: the process answers. `/readyz`: it can sell. For machines, without sign-in and without details."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Blueprint, g, jsonify

from keystore.errors import KeystoreError
from vending.web import gate

room = Blueprint("health", __name__)


@room.get("/healthz")
@gate.needs(gate.PUBLIC)
def alive() -> Any:
    return jsonify(status="ok")


@room.get("/readyz")
@gate.needs(gate.PUBLIC)
def ready() -> Any:
    parts = {"database": True, "module": True}
    try:
        with g.services.db.reading() as session:
            session.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        parts["database"] = False
    try:
        parts["module"] = g.services.module.status().state == "ready"
    except KeystoreError:
        parts["module"] = False
    good = all(parts.values())
    return jsonify(status="ready" if good else "not ready", parts=parts), 200 if good else 503
