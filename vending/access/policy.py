"""Who may do what: one table of permissions by role, held per site; whatever is not in the table is denied.

Pure: no database, no clock. `docs/reference/permissions.md` is generated from this file. What needs a second person is
`acts.py`; this file only says who may ask and who may decide.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from vending.errors import InvalidInput, NotAllowed, said

EVERYWHERE = "*"  # a grant for all sites


class RoleUnknown(InvalidInput):
    code = "role_unknown"


class RolesConflict(InvalidInput):
    code = "roles_conflict"


class ScopeUnknown(InvalidInput):
    code = "scope_unknown"


class Permission(StrEnum):
    """One right. The value is what settings, API keys and the documents call it."""

    ESTATE_READ = "estate.read"
    ESTATE_EDIT = "estate.edit"
    ESTATE_IMPORT = "estate.import"
    ESTATE_EXPORT = "estate.export"
    METER_COMMISSION = "meter.commission"
    METER_KEY_DATA = "meter.key-data"
    METER_RATIO = "meter.ratio"
    METER_LINE = "meter.line"
    SALE_MAKE = "sale.make"
    SALE_READ = "sale.read"
    SALE_REPRINT = "sale.reprint"
    SALE_REVERSE = "sale.reverse"
    SALE_FREE = "sale.free"
    SHIFT_OWN = "shift.own"
    SHIFT_OTHERS = "shift.others"
    ENGINEERING_TOKEN = "engineering.token"  # noqa: S105 — the name of a right
    KEY_CHANGE = "key-change.make"
    SUPPLY_SWITCH = "supply.switch"
    SUPPLY_POLICY = "supply.policy"
    TARIFF_READ = "tariff.read"
    TARIFF_DRAFT = "tariff.draft"
    TARIFF_PUBLISH = "tariff.publish"
    LEDGER_READ = "ledger.read"
    LEDGER_CORRECT = "ledger.correct"
    BILL_MAKE = "bill.make"
    READING_WRITE = "reading.write"
    REPORT_READ = "report.read"
    AUDIT_READ = "audit.read"
    PEOPLE_READ = "people.read"
    PEOPLE_EDIT = "people.edit"
    PEOPLE_GRANT = "people.grant"
    API_KEY_EDIT = "api-key.edit"
    SELLER_EDIT = "seller.edit"
    SITE_EDIT = "site.edit"
    KEYS_READ = "keys.read"
    KEYS_ACT = "keys.act"
    KEYS_APPROVE = "keys.approve"
    BUDGET_ASK = "budget.ask"
    APPROVAL_READ = "approval.read"
    DESK_APPROVE = "desk.approve"
    MANAGER_APPROVE = "manager.approve"
    OWN_READ = "own.read"
    OWN_BUY = "own.buy"
    OWN_PROFILE = "own.profile"


P = Permission

SAYS: dict[Permission, str] = {
    P.ESTATE_READ: said("See sites, units, tenants, leases and meters."),
    P.ESTATE_EDIT: said(
        "Add and change units, tenants, leases, circuits and meters; move in; block a unit for sale."
    ),
    P.ESTATE_IMPORT: said("Load lists of units, tenants and meters; take over meters from another vendor."),
    P.ESTATE_EXPORT: said("Save tables as CSV or XLSX."),
    P.METER_COMMISSION: said("Take a meter into service."),
    P.METER_KEY_DATA: said("Record a change of a meter's key data."),
    P.METER_RATIO: said("Ask for another transformer ratio."),
    P.METER_LINE: said("Read and switch a meter on the line; carry visit files."),
    P.SALE_MAKE: said("Sell at a till."),
    P.SALE_READ: said("Look up sales and receipts."),
    P.SALE_REPRINT: said("Print a receipt again."),
    P.SALE_REVERSE: said("Ask for a reversal or a refund."),
    P.SALE_FREE: said("Ask for a free issue."),
    P.SHIFT_OWN: said("Open, count and close the own shift."),
    P.SHIFT_OTHERS: said("See and close other people's shifts."),
    P.ENGINEERING_TOKEN: said("Ask for power-limit, clear-tamper and clear-credit tokens."),
    P.KEY_CHANGE: said("Ask for key-change tokens."),
    P.SUPPLY_SWITCH: said("Warn, limit, disconnect and restore one supply."),
    P.SUPPLY_POLICY: said("Set when supplies are warned, limited and cut."),
    P.TARIFF_READ: said("Read tariffs."),
    P.TARIFF_DRAFT: said("Write a tariff version and ask for its publication."),
    P.TARIFF_PUBLISH: said("Publish a tariff version that another person wrote."),
    P.LEDGER_READ: said("Read accounts, statements and the trial balance."),
    P.LEDGER_CORRECT: said("Ask for a correcting entry; close a period."),
    P.BILL_MAKE: said("Make statements and bills."),
    P.READING_WRITE: said("Hand in meter readings."),
    P.REPORT_READ: said("See reports and charts."),
    P.AUDIT_READ: said("Read the trail of acts and verify it."),
    P.PEOPLE_READ: said("See people, their roles and their sessions."),
    P.PEOPLE_EDIT: said("Add and disable people, reset their second factor, end their sessions."),
    P.PEOPLE_GRANT: said("Ask for a role to be given to somebody."),
    P.API_KEY_EDIT: said("Make and withdraw API keys."),
    P.SELLER_EDIT: said("Enter third-party sellers, their terms, deposits and settlements."),
    P.SITE_EDIT: said("Change a site's time zone, currency, languages, holidays and taxes."),
    P.KEYS_READ: said("See the state of keys and budgets (never a key)."),
    P.KEYS_ACT: said("Prepare acts for the security module: budgets, limits, floors, approvers."),
    P.KEYS_APPROVE: said("Sign acts for the security module."),
    P.BUDGET_ASK: said(
        "Ask for more in a budget, or for other limits of a class of meters; approvers sign it."
    ),
    P.APPROVAL_READ: said("See what waits for a second person."),
    P.DESK_APPROVE: said(
        "Be the second person for acts of the desk: free issues, reversals, engineering tokens."
    ),
    P.MANAGER_APPROVE: said("Be the second person for acts of management: roles, ratios, corrections."),
    P.OWN_READ: said("See the own meters, purchases and bills."),
    P.OWN_BUY: said("Buy for the own meters."),
    P.OWN_PROFILE: said("Change the own contact data and language."),
}

_CASHIER = {
    P.ESTATE_READ,
    P.SALE_MAKE,
    P.SALE_READ,
    P.SALE_REPRINT,
    P.SALE_REVERSE,
    P.SHIFT_OWN,
    P.TARIFF_READ,
}
_SUPERVISOR = _CASHIER | {
    P.SALE_FREE,
    P.SHIFT_OTHERS,
    P.DESK_APPROVE,
    P.APPROVAL_READ,
    P.REPORT_READ,
    P.KEYS_READ,
    P.BUDGET_ASK,
    P.ENGINEERING_TOKEN,
    P.LEDGER_READ,
}
_MANAGER = {
    P.ESTATE_READ,
    P.ESTATE_EDIT,
    P.ESTATE_IMPORT,
    P.ESTATE_EXPORT,
    P.METER_COMMISSION,
    P.METER_RATIO,
    P.SALE_READ,
    P.SALE_REPRINT,
    P.SALE_REVERSE,
    P.SALE_FREE,
    P.SHIFT_OTHERS,
    P.ENGINEERING_TOKEN,
    P.KEY_CHANGE,
    P.SUPPLY_SWITCH,
    P.SUPPLY_POLICY,
    P.TARIFF_READ,
    P.TARIFF_DRAFT,
    P.TARIFF_PUBLISH,
    P.LEDGER_READ,
    P.LEDGER_CORRECT,
    P.BILL_MAKE,
    P.READING_WRITE,
    P.REPORT_READ,
    P.AUDIT_READ,
    P.PEOPLE_READ,
    P.PEOPLE_EDIT,
    P.PEOPLE_GRANT,
    P.API_KEY_EDIT,
    P.SELLER_EDIT,
    P.SITE_EDIT,
    P.KEYS_READ,
    P.BUDGET_ASK,
    P.APPROVAL_READ,
    P.DESK_APPROVE,
    P.MANAGER_APPROVE,
}
_KEY_CUSTODIAN = {
    P.KEYS_READ,
    P.KEYS_ACT,
    P.KEYS_APPROVE,
    P.BUDGET_ASK,
    P.APPROVAL_READ,
    P.AUDIT_READ,
    P.ESTATE_READ,
}
_ENGINEER = {
    P.ESTATE_READ,
    P.METER_COMMISSION,
    P.METER_KEY_DATA,
    P.METER_RATIO,
    P.METER_LINE,
    P.ENGINEERING_TOKEN,
    P.KEY_CHANGE,
    P.SUPPLY_SWITCH,
    P.READING_WRITE,
    P.SALE_READ,
    P.TARIFF_READ,
}
_AUDITOR = {
    P.ESTATE_READ,
    P.ESTATE_EXPORT,
    P.SALE_READ,
    P.TARIFF_READ,
    P.LEDGER_READ,
    P.REPORT_READ,
    P.AUDIT_READ,
    P.PEOPLE_READ,
    P.KEYS_READ,
    P.APPROVAL_READ,
}
_TENANT = {P.OWN_READ, P.OWN_BUY, P.OWN_PROFILE}
# The most an API key can ever hold; each key names fewer as its scopes.
_API_CLIENT = {
    P.ESTATE_READ,
    P.SALE_MAKE,
    P.SALE_READ,
    P.SALE_REPRINT,
    P.SALE_REVERSE,
    P.TARIFF_READ,
    P.READING_WRITE,
    P.REPORT_READ,
    P.LEDGER_READ,
}

ROLES: dict[str, frozenset[Permission]] = {
    "cashier": frozenset(_CASHIER),
    "supervisor": frozenset(_SUPERVISOR),
    "manager": frozenset(_MANAGER),
    "key custodian": frozenset(_KEY_CUSTODIAN),
    "engineer": frozenset(_ENGINEER),
    "auditor": frozenset(_AUDITOR),
    "tenant": frozenset(_TENANT),
    "API client": frozenset(_API_CLIENT),
}

# Two roles that one person must not hold, because one of them watches the other.
CONFLICTS: tuple[tuple[str, str], ...] = (
    ("auditor", "cashier"),
    ("auditor", "supervisor"),
    ("auditor", "manager"),
    ("auditor", "engineer"),
    ("auditor", "key custodian"),
    ("key custodian", "cashier"),
    ("key custodian", "supervisor"),
)

# How long a session may rest, and how long it may last at all, in minutes. Of several roles the strictest counts.
REST_MINUTES = {
    "manager": 10,
    "key custodian": 5,
    "engineer": 15,
    "cashier": 15,
    "supervisor": 15,
    "auditor": 15,
}
REST_OTHERS_MINUTES = 30
LONGEST_MINUTES = 12 * 60

# Roles whose holders must have a second factor before they may act on a production site.
NEEDS_SECOND_FACTOR = frozenset({"supervisor", "manager", "key custodian", "engineer", "auditor"})


@dataclass(frozen=True, slots=True)
class Grant:
    """A role at one site, or at all of them."""

    role: str
    site: str = EVERYWHERE


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person in a session, an API key, or the product itself. Given to every act."""

    key: str
    name: str
    grants: frozenset[Grant] = field(default_factory=frozenset)
    scopes: frozenset[Permission] | None = None  # of an API key: it can never do more than these
    tenant: str | None = None  # the key of the tenant that this person is, or lives and works with
    session: str | None = None  # the key of the session, for the trail and for ending it

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def sites(self) -> frozenset[str]:
        """The keys of the sites where this actor holds any role; EVERYWHERE stands for all."""
        return frozenset(grant.site for grant in self.grants)

    def may_enter(self, site: str) -> bool:
        """Whether this actor holds any role at the site."""
        return bool(self.sites & {EVERYWHERE, site})

    @property
    def interests(self) -> frozenset[str]:
        """What this actor must not decide on, because it would be for his own good."""
        own = {f"person:{self.key}"}
        if self.tenant:
            own.add(f"tenant:{self.tenant}")
        return frozenset(own)


# The product itself: set-up, demonstrations and the worker. No request from outside ever carries it.
SYSTEM = Actor(
    "system", "Ampoule", frozenset(Grant(role) for role in ROLES if role not in ("tenant", "API client"))
)


def allowed(actor: Actor, permission: Permission, site: str) -> bool:
    """Whether a grant of the actor at this site (or everywhere) holds the permission. `site` is the key of a site, or
    EVERYWHERE for what belongs to no site."""
    if actor.scopes is not None and permission not in actor.scopes:
        return False
    return any(
        grant.site in (EVERYWHERE, site) and permission in ROLES.get(grant.role, frozenset())
        for grant in actor.grants
    )


def allowed_anywhere(actor: Actor, permission: Permission) -> bool:
    """For menus: whether it is worth showing the door. Each act behind it asks again with its site."""
    return any(allowed(actor, permission, grant.site) for grant in actor.grants)


def sites_where(actor: Actor, permission: Permission) -> frozenset[str]:
    """The sites where the actor holds the permission; EVERYWHERE stands for all. For filtering lists."""
    return frozenset(grant.site for grant in actor.grants if allowed(actor, permission, grant.site))


def require(actor: Actor, permission: Permission, site: str) -> None:
    if not allowed(actor, permission, site):
        raise NotAllowed(
            f"{actor.name} may not do this here: it needs the right “{permission.value}”. "
            f"{SAYS[permission]} Ask a manager of the site for a role that holds it."
        )


def known_role(role: str) -> str:
    if role not in ROLES:
        raise RoleUnknown(f"There is no role {role!r}. The roles are: {', '.join(ROLES)}.", "role")
    return role


def refuse_conflict(held: Iterable[str], role: str) -> None:
    """Nobody holds two roles of which one watches the other, at any site."""
    for one, other in CONFLICTS:
        for present, wanted in ((one, other), (other, one)):
            if role == wanted and present in held:
                raise RolesConflict(
                    f"One person cannot be {present} and {wanted}: one of them watches the other. "
                    f"Withdraw the role {present} first, or give {wanted} to somebody else.",
                    "role",
                )


def known_scopes(names: Iterable[str]) -> frozenset[Permission]:
    """The scopes of an API key, each of them one that the role of API clients holds."""
    able = {permission.value: permission for permission in ROLES["API client"]}
    scopes = set()
    for name in names:
        if name not in able:
            raise ScopeUnknown(
                f"An API key cannot hold the scope {name!r}. It can hold: {', '.join(sorted(able))}.",
                "scopes",
            )
        scopes.add(able[name])
    if not scopes:
        raise ScopeUnknown("An API key needs at least one scope. Name what it is for.", "scopes")
    return frozenset(scopes)


def rest_minutes(roles: Iterable[str]) -> int:
    """How long a session of somebody with these roles may rest before he signs in again."""
    return min((REST_MINUTES.get(role, REST_OTHERS_MINUTES) for role in roles), default=REST_OTHERS_MINUTES)
