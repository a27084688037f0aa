"""The frozen bundle of ports that pages, reactions and commands work with. `bootstrap` fills it; nobody else chooses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keystore.module import SecurityModule
from vending.access.site_secret import SiteSecret
from vending.clock import Clock
from vending.db import Database
from vending.notifications.channel import Channel
from vending.settings import Settings
from vending.vends.groups import Groups
from vending.vends.ordering import QuoteAsked, Quoted
from vending.vends.plan import Basket
from vending.vends.service import SaleOutcome


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    clock: Clock
    db: Database
    module: SecurityModule
    vault: SiteSecret
    sales: Groups[Basket, SaleOutcome]
    quotes: Groups[QuoteAsked, Quoted]
    channels: Mapping[str, Channel] = field(default_factory=dict)  # sms, email: those that are set up
