"""`ampoule serve`: web threads, the worker thread and the one writing connection, in one process.

Refuses to start, in one sentence, on a database of a newer version, a clock that runs behind what is already booked, or a
folder that another process works in.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

import click

from vending import settings as settings_module
from vending.settings import NeedsTls, Settings
from vending.supervisor import refuse_port_in_use

log = logging.getLogger("vending.server")


def run(settings: Settings) -> None:
    from vending import bootstrap, demonstrating, migrating, timecheck
    from vending.db import Database
    from vending.web.app import create_app
    from vending.worker import Worker

    if settings.serves_tls:
        # Names and tokens never cross a network in clear, and passkeys need a secure page (ADR 0022).
        raise NeedsTls(
            f"Pages on {settings.host} would go over the network in clear. Put a server that speaks TLS in front and "
            "let Ampoule listen on 127.0.0.1."
        )
    refuse_port_in_use(settings.port, "AMPOULE_PORT")
    ready = settings.folder / "run" / "server.ready"
    ready.parent.mkdir(parents=True, exist_ok=True)
    ready.unlink(missing_ok=True)
    db = Database.open(settings.database_address)
    try:
        migrating.bring_up_to_date(db)
        services = bootstrap.open_services(settings, db=db)
        timecheck.refuse_if_behind(db, services.clock)
        if settings.is_demonstration:
            demonstrating.prepare(services)
        app = create_app(services)
        worker = Worker(services)
        worker.start()
        from waitress.server import create_server

        server = create_server(
            app,
            host=settings.host,
            port=settings.port,
            threads=settings.web_threads,
            ident="",
            channel_timeout=60,
            max_request_body_size=32 * 1024 * 1024,
        )
        ready.write_text(f"{os.getpid()}\n", encoding="ascii")
        click.echo(f"serving on http://localhost:{settings.port}")

        def stop(_number: int, _frame: FrameType | None) -> None:
            raise SystemExit(0)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            server.run()
        finally:
            ready.unlink(missing_ok=True)
            server.close()
            worker.close()
            services.sales.close()
    finally:
        db.close()


@click.command()
def serve() -> None:
    """Run the server alone (the module must already run)."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stdout)
    # What Alembic does is said once, by what follows from it.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    run(settings_module.load())


@click.command()
def worker() -> None:
    """Run the worker alone: recovery, messages and the trail's chain, for sites whose pages are WSGI processes."""
    from vending import bootstrap, migrating
    from vending.worker import Worker

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stdout)
    services = bootstrap.open_services(settings_module.load())
    try:
        migrating.refuse_unless_current(services.db)
        running = Worker(services)
        running.start()
        click.echo("the worker is at work")
        signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
        try:
            signal.pause()
        finally:
            running.close()
    except KeyboardInterrupt:
        pass
    finally:
        bootstrap.close_services(services)
