"""The blueprint is a real driver: it opens by URL, keeps the port's promises, and refuses as the others do."""

from __future__ import annotations

import pytest

from meter.driver import RelayState, TokenStatus, open_driver, switching, token_history
from meter.errors import AbilityMissing, DriverUrlWrong, MeterUnreachable, TokenDigitsWrong

GOOD = "56493153725450313471"


def test_does_what_the_port_asks() -> None:
    driver = open_driver("blueprint:600727000000000001")
    assert driver.info().pan == "600727000000000001"
    assert driver.read().relay.state is RelayState.OPEN
    assert driver.enter_token(GOOD).status is TokenStatus.ACCEPTED
    assert driver.enter_token(GOOD).status is TokenStatus.USED
    assert driver.enter_token("1" * 20).status is TokenStatus.CRC
    assert driver.read().credit is not None
    assert [one.status for one in token_history(driver).last_tokens()] == [13, 10, 1]
    driver.close()


def test_refuses_what_it_does_not_offer() -> None:
    with pytest.raises(AbilityMissing):
        switching(open_driver("blueprint:600727000000000001"))
    with pytest.raises(TokenDigitsWrong):
        open_driver("blueprint:600727000000000001").enter_token("123")


def test_says_that_nobody_answers() -> None:
    with pytest.raises(MeterUnreachable):
        open_driver("blueprint:000000").info()


@pytest.mark.parametrize(
    "url", ["blueprint:", "blueprint:x", "blueprint:1?timeout=x", "blueprint:1?colour=red"]
)
def test_refuses_a_url_it_cannot_follow(url: str) -> None:
    with pytest.raises(DriverUrlWrong):
        open_driver(url)
