"""A sale to a simulated meter, with the programs as they are installed: to see that they work together before a real sale.

In a folder of its own that is gone afterwards, on public test keys: nothing of it reaches the site's books, keys or
budgets. What it shows is the whole way: module, order, entry, token, and a meter that takes the digits.
"""

from __future__ import annotations

import io
import socket
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from meter.driver import open_driver
from meter.errors import MeterError
from vending import bootstrap, demonstrating, migrating
from vending.db import Database
from vending.errors import VendingError
from vending.estate import queries as estate
from vending.payments.tender import Tender
from vending.settings import Settings
from vending.supervisor import Supervisor
from vending.vends import queries as sales
from vending.vends import service as vends
from vending.vends.plan import Basket, VendOrder


class TrialFailed(VendingError):
    code = "trial_failed"


@dataclass(frozen=True, slots=True)
class Seen:
    units: int  # of a tenth of a kilowatt-hour, as they were sold
    credit: str  # what the meter shows after it took the token


def sell_to_a_twin() -> Seen:
    # A short path: a socket's name may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ampoule-trial-") as name:
        settings = Settings(var=Path(name), port=_free_port(), building_port=_free_port())
        out = io.StringIO()
        supervisor = Supervisor(settings, out)
        db: Database | None = None
        try:
            supervisor.prepare()
            supervisor.start(supervisor.module)
            db = Database.open(settings.database_address)
            migrating.bring_up_to_date(db)
            services = bootstrap.open_services(settings, db=db)
            site = demonstrating.prepare(services)
            supervisor.wait_ready(supervisor.module)
            supervisor.start(supervisor.building)
            supervisor.wait_ready(supervisor.building)
            with db.reading() as session:
                meter = next(
                    one
                    for one in estate.meters_of_site(session, services.clock, site)
                    if one.service == "electricity"
                    and one.credit_in == "meter"
                    and one.tenant
                    and not one.not_for_sale
                )
            order = VendOrder(str(uuid.uuid4()), meter.key, money_minor=10_000)
            basket = Basket(
                *(str(uuid.uuid4()), (order,), (Tender("cash"),), site, "N1", "set-up", "Set-up of the site")
            )
            (outcome,) = vends.sell(db, services.clock, services.module, [basket])
            if isinstance(outcome, Exception):
                raise outcome
            with db.reading() as session:
                (vend,) = sales.one_sale(session, outcome.sale_key).vends
            twin = open_driver(f"twin:{settings.building_socket_path}?pan={meter.pan}")
            try:
                took = twin.enter_token(vend.tokens[0].digits)
            finally:
                twin.close()
            if not took.accepted:
                raise TrialFailed(f"The simulated meter did not take the token. It says: {took.advice}")
            return Seen(vend.units, f"{took.credit.amount} {took.credit.unit}" if took.credit else "")
        except (MeterError, StopIteration) as error:
            raise TrialFailed(
                f"The trial sale did not reach the simulated meter ({type(error).__name__}). Run it again with `ampoule setup --trial`."
            ) from error
        finally:
            supervisor.stop()
            if db is not None:
                db.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
