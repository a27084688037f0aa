"""`ampoule conformance`: plays each outcome for a vendor's own client and says what it did wrong. Needs no site."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

import click

from vending.conformance import judging


@click.group()
def conformance() -> None:
    """Check a client of the API against every outcome."""


@conformance.command()
def tasks() -> None:
    """What the client has to do."""
    for number, task in enumerate(judging.TASKS, 1):
        click.echo(f"{number}. {task}")


@conformance.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8850, show_default=True)
@click.option("--seconds", type=click.IntRange(1), help="End by itself after so many seconds; for scripts.")
@click.option("--until-passed", is_flag=True, help="End as soon as every rule is passed.")
def serve(port: int, seconds: int | None, until_passed: bool) -> None:
    """Play the sandbox on this machine until Ctrl-C, then print the verdict. Ends with 0 when every rule is passed."""
    from waitress.server import create_server

    from vending import bootstrap, migrating
    from vending.conformance import server as kit
    from vending.settings import Settings
    from vending.supervisor import refuse_port_in_use

    refuse_port_in_use(port, "--port")
    with tempfile.TemporaryDirectory(prefix="ampoule-conformance-") as folder:
        services = bootstrap.open_services(Settings(var=Path(folder)))
        migrating.bring_up_to_date(services.db)
        app, record = kit.create_kit(services)
        server = create_server(app, host="127.0.0.1", port=port, threads=8, ident="")
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        click.echo(f"address  http://localhost:{port}")
        click.echo(f"API key  {kit.KEY}")
        click.echo(f"tasks    http://localhost:{port}/   verdict so far  http://localhost:{port}/verdict")
        ended = threading.Event()
        try:
            left = float(seconds) if seconds is not None else float("inf")
            while left > 0 and not (until_passed and judging.conforms(judging.judge(record.calls))):
                ended.wait(min(0.2, left))
                left -= 0.2
        except KeyboardInterrupt:
            click.echo("")
        server.close()
        bootstrap.close_services(services)
        verdicts = judging.judge(record.calls)
    click.echo(kit.told(verdicts))
    sys.exit(0 if judging.conforms(verdicts) else 1)
