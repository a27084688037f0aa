"""Settings to services: the only file that picks implementations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from keystore.client import SocketModule
from keystore.module import SecurityModule
from vending.access.site_secret import SiteSecret
from vending.clock import Clock, SystemClock
from vending.db import Database
from vending.integrations import escpos_printer
from vending.integrations.sms_http import SmsHttpChannel
from vending.integrations.smtp import SmtpChannel
from vending.notifications.channel import Channel
from vending.receipts.printer import Printer
from vending.services import Services
from vending.settings import Settings
from vending.vends import ordering
from vending.vends import service as vends
from vending.vends.groups import Groups
from vending.vends.log_fence import LogFence
from vending.vends.plan import Basket


def open_services(settings: Settings, *, clock: Clock | None = None, db: Database | None = None) -> Services:
    clock = clock or SystemClock()
    db = db or Database.open(settings.database_address)
    # Nobody above the fence reaches the module without it.
    module = LogFence(open_module(settings), db, clock)

    groups = db.for_groups()

    def sell(baskets: Sequence[Basket]) -> list[vends.SaleOutcome | Exception]:
        return vends.sell(groups, clock, module, baskets, live_only=not settings.is_demonstration)

    vault = SiteSecret.of_folder(settings.folder)
    return Services(
        settings=settings,
        clock=clock,
        db=db,
        module=module,
        vault=vault,
        # A second group on SQLite would only wait: one connection writes there.
        sales=Groups(sell, side_by_side=1 if db.dialect == "sqlite" else 2),
        quotes=Groups(partial(ordering.quote_all, groups, clock), name="quotes"),
        channels=open_channels(settings),
    )


def open_channels(settings: Settings) -> dict[str, Channel]:
    """The channels that have settings; a wrong setting stops the start, not the first message."""
    found: dict[str, Channel] = {}
    if settings.smtp_host:
        found["email"] = SmtpChannel.from_settings(settings)
    if settings.sms_url:
        found["sms"] = SmsHttpChannel.from_settings(settings)
    return found


def open_module(settings: Settings) -> SecurityModule:
    """The security module alone, for looks that need no database."""
    return SocketModule(settings.module_socket_path, timeout_s=settings.module_timeout_s)


def close_services(services: Services) -> None:
    services.sales.close()
    services.quotes.close()
    services.db.close()


def open_printer(address: str) -> Printer:
    """The printer at an address; the connection is opened with each job."""
    return escpos_printer.open_printer(address)
