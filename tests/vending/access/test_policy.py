"""One table of rights: denied unless a role says otherwise, at the site of the role alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vending.access import acts, policy
from vending.access.errors import ApprovalUnfit
from vending.access.policy import EVERYWHERE, ROLES, SAYS, Actor, Grant, Permission, allowed
from vending.errors import NotAllowed

P = Permission


def somebody(*grants: Grant, scopes: frozenset[Permission] | None = None) -> Actor:
    return Actor("key", "Somebody", frozenset(grants), scopes=scopes)


def test_nobody_without_a_role_may_do_anything() -> None:
    assert not any(allowed(somebody(), permission, site) for permission in P for site in ("one", EVERYWHERE))
    assert not any(allowed(somebody(Grant("nonsense", EVERYWHERE)), permission, "one") for permission in P)


@given(
    st.sampled_from(sorted(ROLES)),
    st.sampled_from(sorted(P)),
    st.sampled_from(["one", "two", EVERYWHERE]),
    st.sampled_from(["one", "two", EVERYWHERE]),
)
def test_a_role_counts_at_its_own_site_and_a_role_everywhere_counts_at_every_site(
    role: str, permission: Permission, granted: str, asked: str
) -> None:
    expected = permission in ROLES[role] and granted in (EVERYWHERE, asked)
    assert allowed(somebody(Grant(role, granted)), permission, asked) is expected


@given(
    st.sets(st.sampled_from(sorted(ROLES))), st.sets(st.sampled_from(sorted(P))), st.sampled_from(sorted(P))
)
def test_scopes_only_ever_take_away(roles: set[str], scopes: set[Permission], permission: Permission) -> None:
    grants = [Grant(role, "one") for role in roles]
    with_scopes = allowed(somebody(*grants, scopes=frozenset(scopes)), permission, "one")
    assert with_scopes is (permission in scopes and allowed(somebody(*grants), permission, "one"))


# Who must never be able to do what: a line for each wall between two roles.
WALLS = [
    ("cashier", P.SALE_FREE),
    ("cashier", P.TARIFF_DRAFT),
    ("cashier", P.ESTATE_EDIT),
    ("cashier", P.PEOPLE_READ),
    ("cashier", P.SHIFT_OTHERS),
    ("cashier", P.DESK_APPROVE),
    ("supervisor", P.TARIFF_PUBLISH),
    ("supervisor", P.PEOPLE_GRANT),
    ("supervisor", P.KEYS_ACT),
    ("manager", P.SALE_MAKE),
    ("manager", P.KEYS_ACT),
    ("manager", P.KEYS_APPROVE),
    ("key custodian", P.SALE_MAKE),
    ("key custodian", P.ESTATE_EDIT),
    ("engineer", P.SALE_MAKE),
    ("engineer", P.DESK_APPROVE),
    ("tenant", P.ESTATE_READ),
    ("tenant", P.SALE_READ),
    ("API client", P.PEOPLE_READ),
    ("API client", P.ESTATE_EDIT),
    ("API client", P.APPROVAL_READ),
]


@pytest.mark.parametrize(("role", "permission"), WALLS)
def test_a_wall_stands_between_this_role_and_this_right(role: str, permission: Permission) -> None:
    assert not allowed(somebody(Grant(role)), permission, "one")
    with pytest.raises(NotAllowed, match="needs the right"):
        policy.require(somebody(Grant(role)), permission, "one")


def test_the_auditor_changes_nothing() -> None:
    assert {p.value.split(".")[1] for p in ROLES["auditor"]} <= {"read", "export"}


def test_every_right_is_explained_and_held_by_some_role() -> None:
    assert set(SAYS) == set(P)
    assert set().union(*ROLES.values()) == set(P)
    assert all(says.endswith(".") for says in SAYS.values())


@pytest.mark.parametrize(("one", "other"), policy.CONFLICTS)
def test_nobody_watches_himself(one: str, other: str) -> None:
    for held, wanted in ((one, other), (other, one)):
        with pytest.raises(policy.RolesConflict):
            policy.refuse_conflict({held}, wanted)
    policy.refuse_conflict({"cashier"}, "supervisor")


def test_each_refusal_says_what_is_wrong_what_there_is_and_which_field_it_is() -> None:
    with pytest.raises(policy.RoleUnknown) as unknown:
        policy.known_role("root")
    assert unknown.value.sentence == (
        "There is no role 'root'. The roles are: cashier, supervisor, manager, key custodian, engineer, auditor, "
        "tenant, API client."
    )
    assert unknown.value.field == "role"
    assert policy.known_role("auditor") == "auditor"

    with pytest.raises(policy.RolesConflict) as conflict:
        policy.refuse_conflict({"cashier"}, "auditor")
    assert conflict.value.sentence == (
        "One person cannot be cashier and auditor: one of them watches the other. "
        "Withdraw the role cashier first, or give auditor to somebody else."
    )
    assert conflict.value.field == "role"

    with pytest.raises(policy.ScopeUnknown) as scope:
        policy.known_scopes(["people.grant"])
    assert scope.value.sentence == (
        "An API key cannot hold the scope 'people.grant'. It can hold: estate.read, ledger.read, reading.write, "
        "report.read, sale.make, sale.read, sale.reprint, sale.reverse, tariff.read."
    )
    assert scope.value.field == "scopes"
    with pytest.raises(policy.ScopeUnknown) as none:
        policy.known_scopes([])
    assert none.value.sentence == "An API key needs at least one scope. Name what it is for."
    assert none.value.field == "scopes"
    assert policy.known_scopes(["sale.make", "sale.read"]) == {P.SALE_MAKE, P.SALE_READ}

    policy.require(somebody(Grant("cashier", "one")), P.SALE_MAKE, "one")
    with pytest.raises(NotAllowed) as denied:
        policy.require(somebody(Grant("cashier")), P.TARIFF_DRAFT, "one")
    assert denied.value.sentence == (
        "Somebody may not do this here: it needs the right “tariff.draft”. Write a tariff version and ask for its "
        "publication. Ask a manager of the site for a role that holds it."
    )


def test_menus_and_lists_follow_the_same_table() -> None:
    actor = somebody(Grant("cashier", "one"), Grant("manager", "two"))
    assert policy.allowed_anywhere(actor, P.ESTATE_EDIT)
    assert policy.sites_where(actor, P.ESTATE_EDIT) == {"two"}
    assert policy.sites_where(actor, P.ESTATE_READ) == {"one", "two"}
    assert actor.roles == {"cashier", "manager"}
    assert actor.may_enter("one")
    assert not actor.may_enter("three")


def test_the_strictest_role_decides_how_long_a_session_rests() -> None:
    assert {role: policy.rest_minutes([role]) for role in policy.REST_MINUTES} == {
        "manager": 10,
        "key custodian": 5,
        "engineer": 15,
        "cashier": 15,
        "supervisor": 15,
        "auditor": 15,
    }
    assert policy.rest_minutes(["manager", "key custodian"]) == 5
    assert policy.rest_minutes(["cashier"]) == 15
    assert policy.rest_minutes(["manager"]) == 10
    assert policy.rest_minutes([]) == 30
    assert policy.rest_minutes(["tenant"]) == 30
    assert policy.rest_minutes(["tenant", "manager"]) == 10
    assert policy.LONGEST_MINUTES == 720


def test_every_act_of_two_people_can_be_asked_for_and_decided_by_somebody() -> None:
    for act in acts.ACTS.values():
        assert any(act.may_ask in held for held in ROLES.values()), act.name
        assert any(act.may_decide in held for held in ROLES.values()), act.name
    with pytest.raises(ApprovalUnfit):
        acts.one_act("no such act")


def test_the_product_itself_may_do_all_that_people_may() -> None:
    people = set(P) - {P.OWN_READ, P.OWN_BUY, P.OWN_PROFILE}
    assert all(allowed(policy.SYSTEM, permission, "any") for permission in people)
