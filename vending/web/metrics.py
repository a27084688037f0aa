"""The figures of `/metrics`: what this process did, and how the site stands at the moment of the question.

Requests are counted where they happen. What the database, the module and the disk know is asked for when somebody asks us,
so that several server processes give the same answer. No figure carries a name, a number of a meter or a token.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import sqlalchemy as sa
from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from vending import certificates, condition, jobs
from vending.errors import VendingError
from vending.services import Services
from vending.vends import queries as vends

CONTENT_TYPE = CONTENT_TYPE_LATEST

PROCESS = CollectorRegistry()
REQUESTS = Counter(
    "ampoule_requests", "Pages answered, by route and status.", ["route", "status"], registry=PROCESS
)
SECONDS = Histogram(
    "ampoule_request_seconds",
    "How long a page took.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=PROCESS,
)


def count(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.counted_from = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        # Routes and not addresses: a stranger who tries a thousand addresses must not make a thousand figures.
        route = request.url_rule.rule if request.url_rule else "(none)"
        REQUESTS.labels(route, str(response.status_code)).inc()
        SECONDS.labels(route).observe(time.perf_counter() - g.get("counted_from", time.perf_counter()))
        return response


def page(services: Services) -> bytes:
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        # Several server processes on PostgreSQL: each writes its counts there, and any of them adds them up.
        process = CollectorRegistry()
        multiprocess.MultiProcessCollector(process)  # type: ignore[no-untyped-call]
    else:
        process = PROCESS
    site = CollectorRegistry()
    site.register(_Site(services))
    return bytes(generate_latest(process) + generate_latest(site))


class _Site(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        services = self._services
        now = services.clock.now()
        status, module = condition.ask_module(services.module)
        up = GaugeMetricFamily("ampoule_part_up", "1 when the part does its work.", labels=["part"])
        for finding in (
            condition.of_database(services.db),
            module,
            condition.of_clock(services.db, services.clock, status),
            condition.of_disk(services.settings.folder),
        ):
            up.add_metric([finding.part], float(finding.state != condition.FAIL))
        yield up
        yield _one(
            "ampoule_disk_free_bytes",
            "Free space where the database is.",
            float(os.statvfs(services.settings.folder).f_bavail)
            * os.statvfs(services.settings.folder).f_frsize,
        )
        if status is not None:
            yield _one("ampoule_module_log_entries", "Entries of the issuance log.", status.sequence)
            left = GaugeMetricFamily(
                "ampoule_budget_left_ratio", "What is left of a budget.", labels=["budget", "kind"]
            )
            ends = GaugeMetricFamily(
                "ampoule_budget_expires_seconds", "Seconds until a budget ends.", labels=["budget", "kind"]
            )
            for one in status.budgets:
                left.add_metric([one.budget_id, one.kind], one.left / one.allotted if one.allotted else 0)
                ends.add_metric([one.budget_id, one.kind], (one.expires - now).total_seconds())
            yield left
            yield ends
        try:
            certificate = certificates.look(services.settings.tls_folder / "server.pem")
        except VendingError:
            pass
        else:
            yield _one(
                "ampoule_certificate_expires_seconds",
                "Seconds until the certificate of the pages ends.",
                (certificate.expires_at - now).total_seconds(),
            )
        try:
            yield from self._of_database()
        except sa.exc.SQLAlchemyError:
            return  # `ampoule_part_up` says that the database is away

    def _of_database(self) -> Iterator[Metric]:
        services = self._services
        with services.db.reading() as session:
            counts = jobs.count(session, services.clock)
            open_orders = vends.count_open(session)
        yield _one("ampoule_jobs_waiting", "Jobs that wait.", counts.waiting)
        yield _one("ampoule_jobs_late", "Jobs due for more than a minute.", counts.late)
        yield _one("ampoule_jobs_dead", "Jobs that failed for good.", counts.dead)
        yield _one("ampoule_orders_open", "Orders that are paid and have no token yet.", open_orders)


def _one(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(name, says, value=value)
