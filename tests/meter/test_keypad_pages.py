"""The keypad pages, by plain requests and in a real browser: by touch, keyboard and paste, with and without JavaScript.

The browser tests leave pictures of the page (light, dark, phone, right to left) in docs/pictures when
AMPOULE_PICTURES is set; otherwise in a temporary folder, so that a run changes nothing.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from meter import panel
from meter.building import Building
from meter.drawing import bars, cells, line, round_up
from meter.wording import LANGUAGES

from .house import HandClock, a_building, key_for, number_of
from .keying import a_key, credit

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def house(tmp_path: Path) -> Building:
    return a_building(tmp_path / "state")


@pytest.fixture
def client(house: Building) -> FlaskClient:
    return panel.create(house).test_client()


def page(client: FlaskClient, at: int = 0, **query: str) -> str:
    return client.get(f"/meters/{number_of(at)}", query_string=query).get_data(as_text=True)


class TestRequests:
    def test_the_list_names_every_meter(self, client: FlaskClient) -> None:
        text = client.get("/").get_data(as_text=True)
        for at in range(5):
            assert f"/meters/{number_of(at)}" in text
        assert client.get("/health").json == {"status": "ready", "meters": 5}

    @pytest.mark.parametrize(
        ("asked", "found"), [("g-10", 1), ("karoo", 5), ("0701 4482 314", 1), ("nobody", 0), ("", 5)]
    )
    def test_the_list_can_be_searched(self, client: FlaskClient, asked: str, found: int) -> None:
        text = client.get("/", query_string={"q": asked}).get_data(as_text=True)
        assert text.count('scope="row"') == found
        assert ("No meter fits" in text) is (found == 0)

    def test_a_pasted_token_is_taken_and_the_page_says_so(self, client: FlaskClient) -> None:
        digits = credit(4276, key_for())
        answer = client.post(
            f"/meters/{number_of(0)}", data={"token": " ".join(digits[at : at + 4] for at in range(0, 20, 4))}
        )
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/meters/{number_of(0)}")
        text = page(client)
        assert "Accepted. 427.6 kWh were added." in text
        assert '<span id="credit">513.6</span>' in text
        assert 'id="supply" data-state="on"' in text
        assert digits not in text

    def test_a_refused_token_says_what_to_do(self, client: FlaskClient) -> None:
        client.post(f"/meters/{number_of(0)}", data={"token": credit(key=a_key(9))})
        text = page(client)
        assert "The meter says REJECT" in text
        assert number_of(0) in text

    def test_the_keys_work_as_buttons_of_a_form(self, client: FlaskClient) -> None:
        for key in "801":
            typed = client.get(f"/meters/{number_of(0)}").get_data(as_text=True)
            value = typed.split('id="typed" value="')[1].split('"')[0]
            client.post(f"/meters/{number_of(0)}/keys", data={"typed": value, "key": key})
        text = page(client)
        assert 'id="typed" value="801"' in text
        client.post(f"/meters/{number_of(0)}/keys", data={"typed": "801", "key": "delete"})
        assert 'id="typed" value="80"' in page(client)

    @pytest.mark.parametrize("act", ["pull", "cover", "off", "over"])
    def test_things_to_try(self, client: FlaskClient, house: Building, act: str) -> None:
        assert client.post(f"/meters/{number_of(0)}/try", data={"act": act}).status_code == 303
        house.clock.moment += 31  # type: ignore[attr-defined]
        text = page(client)
        assert 'data-state="off"' in text

    def test_run_one_day(self, client: FlaskClient, house: Building) -> None:
        client.post(f"/meters/{number_of(0)}/try", data={"act": "day"})
        assert house.find(number_of(0)).lead_s == 86_400  # type: ignore[union-attr]

    def test_a_split_keypad_is_unpaired_and_paired_again(self, client: FlaskClient) -> None:
        address = f"/meters/{number_of(2)}"
        client.post(f"{address}/try", data={"act": "unpair"})
        client.post(address, data={"token": credit(key=a_key(9))})
        assert "The keypad is not paired" in page(client, 2)
        client.post(address, data={"token": f"45{number_of(2)}"})
        assert f"The keypad is paired with meter {number_of(2)}." in page(client, 2)

    def test_without_battery_and_power_the_glass_is_dark(self, client: FlaskClient) -> None:
        address = f"/meters/{number_of(2)}"
        client.post(f"{address}/try", data={"act": "battery"})
        assert "Battery taken out" in page(client, 2)
        client.post(f"{address}/try", data={"act": "pull"})
        assert 'class="glass dark"' in page(client, 2)
        client.post(f"{address}/try", data={"act": "plug"})
        assert 'class="glass dark"' not in page(client, 2)

    def test_an_unknown_thing_to_try_is_refused(self, client: FlaskClient) -> None:
        assert client.post(f"/meters/{number_of(0)}/try", data={"act": "explode"}).status_code == 400

    def test_a_meter_that_is_not_there_says_so(self, client: FlaskClient) -> None:
        answer = client.get("/meters/12345")
        assert answer.status_code == 404
        assert "No meter with this number" in answer.get_data(as_text=True)

    def test_a_request_from_another_site_is_not_carried_out(
        self, client: FlaskClient, house: Building
    ) -> None:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = client.post(f"/meters/{number_of(0)}/try", data={"act": "off"}, headers=headers)
            assert answer.status_code == 403
        assert house.find(number_of(0)).twin.state.supply  # type: ignore[union-attr]

    @pytest.mark.parametrize("code", LANGUAGES)
    @pytest.mark.parametrize("at", range(5))
    def test_every_model_in_every_language(self, client: FlaskClient, code: str, at: int) -> None:
        client.post(f"/meters/{number_of(at)}", data={"token": "1" * 20})
        client.post(f"/meters/{number_of(at)}/try", data={"act": "cover"})
        text = page(client, at, lang=code)
        assert f'lang="{code}"' in text
        assert f'dir="{"rtl" if code == "ar" else "ltr"}"' in text
        assert client.get("/").status_code == 200

    def test_pages_are_not_stored_and_run_no_foreign_script(self, client: FlaskClient) -> None:
        headers = client.get("/").headers
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'self'" in headers["Content-Security-Policy"]


class TestDrawing:
    def test_a_figure_stands_at_the_end_of_the_glass(self) -> None:
        row = cells("513.9", 7)
        assert [each.lit for each in row[:3]] == ["", "", ""]
        assert [each.point for each in row] == [False] * 5 + [True, False]
        assert len(cells("123456789", 7)) == 7

    def test_the_bar_code_is_interleaved_two_of_five(self) -> None:
        # Two digits: start 1111, 1 (10001) with 2 (01001) woven in, stop 311.
        assert [width for _, width in bars("12")] == [1, 1, 3, 1, 1, 1, 3, 3, 1]
        assert len(bars("600727070144823064")) == 2 + 9 * 5 + 2

    def test_the_line_of_the_hour_stays_in_its_box(self) -> None:
        drawn = line([(at * 30, 1000 + at) for at in range(121)], 6000, 3600, 720, 130)
        assert drawn is not None
        assert drawn.top == 2000
        assert drawn.limit_y is None
        assert line([(0, 5)], 0, 3600, 720, 130) is None
        assert [round_up(value) for value in (1, 5, 9, 11, 4100)] == [1, 6, 10, 20, 6000]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def address(house: Building) -> Iterator[str]:
    from waitress.server import create_server

    server = create_server(panel.create(house), host="127.0.0.1", port=0, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ["AMPOULE_PICTURES"]) if os.environ.get("AMPOULE_PICTURES") else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _open(browser: Any, address: str, width: int = 1440, height: int = 900, **options: Any) -> Any:
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
    opened = context.new_page()
    opened.goto(f"{address}/meters/{number_of(0)}")
    return opened


class TestBrowser:
    def test_digits_typed_on_the_keys_are_taken(self, browser: Any, address: str) -> None:
        opened = _open(browser, address)
        for digit in credit(4276, key_for()):
            opened.locator(f'.keys [value="{digit}"]').click()
        assert opened.locator("#groups i.lit").count() == 20
        opened.locator("#enter").click()
        opened.wait_for_load_state()

        assert opened.locator("#outcome").inner_text() == "ACCEPTED"
        assert opened.locator("#credit").inner_text() == "513.6"
        assert opened.locator("#supply").get_attribute("data-state") == "on"
        assert credit(1, key_for())[:4] not in opened.url

    def test_by_keyboard_alone_with_a_slip_of_the_finger(self, browser: Any, address: str) -> None:
        opened = _open(browser, address)
        opened.locator("#token").blur()
        opened.keyboard.type("9")
        opened.keyboard.press("Backspace")
        opened.keyboard.type(credit(100, key_for()))
        assert opened.locator("#groups i.lit").count() == 20
        opened.locator("#token").press("Enter")
        opened.wait_for_load_state()
        assert opened.locator("#outcome").inner_text() == "ACCEPTED"

    def test_a_slip_pasted_with_spaces(self, browser: Any, address: str) -> None:
        opened = _open(browser, address)
        digits = credit(100, key_for())
        opened.locator("#token").fill(" ".join(digits[at : at + 4] for at in range(0, 20, 4)))
        opened.locator("#token").press("Enter")
        opened.wait_for_load_state()
        assert opened.locator("#outcome").inner_text() == "ACCEPTED"

    def test_by_touch_on_a_phone(self, browser: Any, address: str) -> None:
        opened = _open(browser, address, 390, 844, has_touch=True, is_mobile=True)
        for digit in "801":
            opened.locator(f'.keys [value="{digit}"]').tap()
        opened.locator("#enter").tap()
        opened.wait_for_load_state()
        assert "Credit" in opened.locator(".pages").inner_text()
        box = opened.locator('.keys [value="5"]').bounding_box()
        assert min(box["width"], box["height"]) >= 58
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def test_without_javascript(self, browser: Any, address: str) -> None:
        opened = _open(browser, address, java_script_enabled=False)
        digits = credit(100, key_for())
        opened.locator(f'.keys [value="{digits[0]}"]').click()
        assert opened.locator("#groups i.lit").count() == 1
        opened.locator("#token").fill(digits)
        opened.locator("#enter").click()
        assert opened.locator("#outcome").inner_text() == "ACCEPTED"

    def test_the_page_follows_the_meter_by_itself(self, browser: Any, address: str, house: Building) -> None:
        opened = _open(browser, address)
        with house.lock:
            house.find(number_of(0)).twin.disconnect()  # type: ignore[union-attr]
        opened.wait_for_selector('#supply[data-state="off"]', timeout=10_000)

    def test_nobody_is_shut_out_and_the_pictures_are_taken(
        self, browser: Any, address: str, house: Building, pictures: Path
    ) -> None:
        from axe_playwright_python.sync_playwright import Axe

        clock = house.clock
        assert isinstance(clock, HandClock)
        for _ in range(60):
            clock.moment += 60
            house.tick()
        opened = _open(browser, address)
        for digits in (credit(4276, key_for()), "5" * 20, credit(1276, key_for())):
            opened.locator("#token").fill(digits)
            opened.locator("#token").press("Enter")
            opened.wait_for_load_state()
        looks: dict[str, tuple[int, int, dict[str, Any], str]] = {
            "keypad-light": (1440, 900, {"color_scheme": "light"}, "en"),
            "keypad-dark": (1440, 900, {"color_scheme": "dark"}, "en"),
            "keypad-phone": (390, 844, {"color_scheme": "light"}, "en"),
            "keypad-arabic": (1440, 900, {"color_scheme": "light"}, "ar"),
            "keypad-chinese": (1440, 900, {"color_scheme": "light"}, "zh"),
        }
        for name, (width, height, options, code) in looks.items():
            opened = _open(browser, address, width, height, **options)
            opened.goto(f"{address}/meters/{number_of(0)}?lang={code}")
            opened.wait_for_selector("#outcome")
            opened.screenshot(path=pictures / f"{name}.png", full_page=True)
            # The unlit words of the glass are meant not to be read, as on a real display.
            found = Axe().run(opened, context={"exclude": [[".status span:not(.lit)"]]})
            assert found.violations_count == 0, (name, found.generate_report())
            assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
            opened.goto(f"{address}/")
            assert Axe().run(opened).violations_count == 0, name
            opened.context.close()
