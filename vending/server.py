"""`ampoule serve`: web threads, the worker thread and the one writing connection, in one process.

Refuses to start, in one sentence, on a database of a newer version, a clock that runs behind what is already booked, or a
folder that another process works in.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from vending import logs
from vending import settings as settings_module
from vending.settings import Settings
from vending.supervisor import FolderNotWritable, refuse_port_in_use

if TYPE_CHECKING:
    from flask import Flask

    from vending.tls import Certificate


def run(settings: Settings, command: click.Command) -> None:
    from vending import bootstrap, database_roles, demonstrating, garbage, production, timecheck
    from vending.db import Database
    from vending.local_door import open_door
    from vending.web.app import create_app
    from vending.worker import Worker

    production.refuse_unsafe_settings(settings)
    refuse_port_in_use(settings.port, "AMPOULE_PORT", settings.host)
    certificate = _certificate(settings)
    ready = settings.folder / "run" / "server.ready"
    make_folder(ready.parent)
    ready.unlink(missing_ok=True)
    db = Database.open(settings.database_address)
    try:
        database_roles.prepare(db)
        if told := database_roles.warning(db, settings):
            logging.getLogger(__name__).warning(told)
        services = bootstrap.open_services(settings, db=db)
        timecheck.refuse_if_behind(db, services.clock)
        if settings.is_demonstration:
            demonstrating.prepare(services)
        else:
            production.refuse_examples(services)
        app = create_app(services)
        worker = Worker(services, tills=lambda: services.sales.quiet_s)
        worker.start()
        server = _listen(settings, app, certificate)
        door = open_door(settings, db, command)
        garbage.settle()
        ready.write_text(f"{os.getpid()}\n", encoding="ascii")
        click.echo(f"serving on {settings.address}")

        def stop(_number: int, _frame: FrameType | None) -> None:
            raise SystemExit(0)

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        try:
            server.run()
        finally:
            ready.unlink(missing_ok=True)
            if door is not None:
                door.close()
            server.close()
            worker.close()
            services.sales.close()
    finally:
        db.close()


def _certificate(settings: Settings) -> Certificate | None:
    """Read before anything else is opened: a damaged one is said, and no page is served in clear instead."""
    if not settings.has_certificate:
        return None
    import ssl

    from vending import certificates
    from vending.tls import Certificate

    files = certificates.Files(settings.tls_folder)
    certificates.look(files.server)
    try:
        return Certificate(files.server, files.server_key)
    except (OSError, ssl.SSLError) as error:
        raise certificates.CertificateUnfit(
            f"The certificate's key {files.server_key} cannot be used ({type(error).__name__}). Make both anew: `ampoule tls renew`."
        ) from error


def _listen(settings: Settings, app: Flask, certificate: Certificate | None) -> Any:
    """Waitress on the settings' address: over TLS with the site's certificate, in clear for this machine alone."""
    adjustments: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "threads": settings.web_threads,
        "ident": "",
        "channel_timeout": 60,
        "max_request_body_size": 32 * 1024 * 1024,
    }
    if settings.public_address and settings.is_local:
        # A server in front says who asked and how; nobody but this machine can reach the port, so it is believed.
        adjustments |= {
            "trusted_proxy": "127.0.0.1",
            "trusted_proxy_headers": "x-forwarded-for x-forwarded-proto x-forwarded-host",
            "clear_untrusted_proxy_headers": True,
        }
    if certificate is not None:
        from vending.tls import TlsServer

        return TlsServer(app, certificate, settings.address, **adjustments)
    from waitress.server import create_server

    return create_server(app, **adjustments)


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FolderNotWritable(
            f"{folder} cannot be made ({error.strerror}). Give the folder above it to the user that runs Ampoule, or choose another with AMPOULE_VAR."
        ) from error


@click.command()
def serve() -> None:
    """Run the server alone (the module must already run)."""
    chosen = settings_module.load()
    logs.configure(chosen.log_format)
    run(chosen, click.get_current_context().find_root().command)


@click.command()
def worker() -> None:
    """Run the worker alone: recovery, messages and the trail's chain, for sites whose pages are WSGI processes."""
    from vending import bootstrap, migrating, production
    from vending.worker import Worker

    chosen = settings_module.load()
    logs.configure(chosen.log_format)
    production.refuse_unsafe_settings(chosen)
    services = bootstrap.open_services(chosen)
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
