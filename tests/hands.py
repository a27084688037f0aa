"""Two ways to work at a till in a real browser: ten fingers on a keyboard, and one finger on glass. Both do the same acts, so the
same day is walked by each.

`Keyboard` never clicks and never fills, and counts its keys. `Finger` never uses a key of the till's own (a tablet's keyboard has
letters, digits and Enter) and refuses to touch anything that is smaller than a finger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from playwright.sync_api import Locator, Page, expect

FINGER = 44  # CSS pixels, on both sides


class Hand(Protocol):
    """What a day needs of whoever works it."""

    page: Page

    def find(self, text: str, which: int = 0) -> None: ...
    def amount(self, text: str) -> None: ...
    def pay_by(self, way: str) -> None: ...
    def received(self, text: str, *, given: bool = False) -> None: ...
    def part(self, way: str, amount: str, reference: str) -> None: ...
    def another_line(self) -> None: ...
    def without_token(self, what: str, amount: str = "") -> None: ...
    def take(self) -> None: ...
    def next_customer(self) -> None: ...
    def press(self, name: str) -> None: ...
    def write(self, name: str, text: str) -> None: ...
    def choose(self, name: str, label: str) -> None: ...
    def count(self, pieces: dict[str, str]) -> None: ...


@dataclass
class Keyboard:
    """Every key is counted, but for the number of the meter and the amount: nobody can spare these."""

    page: Page
    keys: int = 0
    counted: dict[str, int] = field(default_factory=dict)

    # --- keys

    def _key(self, key: str) -> None:
        self.keys += 1
        self.page.keyboard.press(key)

    def _type(self, text: str, *, given: bool = False) -> None:
        self.keys += 0 if given else len(text)
        self.page.keyboard.type(text)

    def _at(self, name: str) -> None:
        """Waits until the focus stands there: a key pressed earlier would land elsewhere."""
        expect(self.page.locator(f"#{name}")).to_be_focused()

    def _walk_to(self, name: str) -> None:
        """By Tab to an id, or to a control whose words begin so."""
        for _step in range(90):
            here = self.page.evaluate(
                "[document.activeElement.id, (document.activeElement.innerText || '').trim()]"
            )
            if name == here[0] or (here[1] and here[1].startswith(name)):
                return
            self._key("Tab")
        raise AssertionError(f"{name} cannot be reached by Tab on {self.page.url}")

    def done(self, what: str) -> int:
        """Ends one piece of work; gives its keys."""
        self.counted[what], self.keys = self.keys, 0
        return self.counted[what]

    # --- acts

    def find(self, text: str, which: int = 0) -> None:
        if self.page.locator("#find:focus").count() == 0:
            self._key("F2")
        self._at("find")
        self._type(text, given=True)
        if which:
            expect(self.page.locator("#matches a").nth(which - 1)).to_be_visible()
            for _step in range(which):
                self._key("ArrowDown")
        with self.page.expect_navigation():
            self._key("Enter")

    def amount(self, text: str) -> None:
        self._at("amount")
        self._type(text, given=True)

    def pay_by(self, way: str) -> None:
        tender = self.page.locator("[name=tender]:checked")
        expect(tender).to_have_count(1)
        while tender.get_attribute("value") != way:
            with self.page.expect_response("**/cashier/till/quote"):
                self._key("F8")

    def received(self, text: str, *, given: bool = False) -> None:
        if self.page.locator("#amount:focus").count():
            self._key("Enter")
            self._at("received")
        self._walk_to("received")
        self._type(text, given=given)

    def part(self, way: str, amount: str, reference: str) -> None:
        self.received("")
        self._walk_to("Part of it")
        self._key("Enter")
        self.choose("part", way)
        self.write("part_amount", amount)
        self.write("part_reference", reference)

    def another_line(self) -> None:
        self._at("amount")
        self._key("+")
        self.page.wait_for_selector("#find:focus")

    def without_token(self, what: str, amount: str = "") -> None:
        if self.page.locator("#charge:focus").count() == 0:
            self._key("*")
        self._at("charge")
        before = self.page.locator(".basket li").count()
        self._type(what)
        self._key("Enter")
        self._at("charge-amount")
        self._type(amount, given=True)
        self._key("Enter")
        expect(self.page.locator(".basket li")).to_have_count(before + 1)

    def take(self) -> None:
        self._key("F9")

    def next_customer(self) -> None:
        self._at("next-customer")
        self._key("Enter")
        self._at("find")

    def press(self, name: str) -> None:
        shortcut = self.page.locator(f"[id='{name}'][aria-keyshortcuts]")
        if shortcut.count():
            self._key(str(shortcut.get_attribute("aria-keyshortcuts")))
            return
        self._walk_to(name)
        self._key("Enter")

    def write(self, name: str, text: str) -> None:
        self._walk_to(name)
        self._key("Control+a")
        self._type(text)

    def choose(self, name: str, label: str) -> None:
        self._walk_to(name)
        self._type(label)
        chosen = self.page.locator(f"#{name}").evaluate("one => one.selectedOptions[0].label")
        assert label.lower() in chosen.lower(), chosen

    def count(self, pieces: dict[str, str]) -> None:
        rows = self.page.locator("[data-count] input")
        expect(rows.first).to_be_focused()
        for at in range(rows.count()):
            number = pieces.get(str(rows.nth(at).get_attribute("data-minor")), "")
            if number:
                self._key("Control+a")
                self._type(number)
            if at < rows.count() - 1:
                self._key("Enter")


@dataclass
class Finger:
    """One finger on a tablet. Typing goes through the tablet's own keyboard, whose keys are not ours."""

    page: Page

    def _tap(self, control: Locator) -> None:
        control.scroll_into_view_if_needed()
        # A radio or a tick is touched by its words, which belong to it.
        size = control.evaluate(
            "one => { const box = (one.closest('label') || one).getBoundingClientRect(); return [box.width, box.height] }"
        )
        assert min(size) >= FINGER - 0.5, f"{control} is only {size} large on {self.page.url}"
        control.tap()

    def _named(self, name: str) -> Locator:
        by_id = self.page.locator(f"[id='{name}']")
        if by_id.count():
            return by_id
        words = self.page.locator("button:visible, a:visible, summary:visible").filter(has_text=name)
        return words.first

    def done(self, what: str) -> int:
        return 0

    def find(self, text: str, which: int = 0) -> None:
        self._tap(self.page.locator("#find"))
        self.page.keyboard.type(text)
        with self.page.expect_navigation():
            if which:
                self._tap(self.page.locator("#matches a").nth(which - 1))
            else:
                self.page.keyboard.press("Enter")

    def amount(self, text: str) -> None:
        self._tap(self.page.locator("#amount"))
        with self.page.expect_response("**/cashier/till/quote"):
            self.page.locator("#amount").press_sequentially(text)
        expect(self.page.locator("#take-money")).to_be_visible()

    def pay_by(self, way: str) -> None:
        expect(self.page.locator("#take-money")).to_be_visible()
        with self.page.expect_response("**/cashier/till/quote"):
            self._tap(self.page.locator(f".segments label:has([name=tender][value={way}])"))

    def received(self, text: str, *, given: bool = False) -> None:
        self._tap(self.page.locator("#received"))
        self.page.keyboard.type(text)

    def part(self, way: str, amount: str, reference: str) -> None:
        expect(self.page.locator("#take-money")).to_be_visible()
        self._tap(self.page.locator("summary").filter(has_text="Part of it"))
        self.choose("part", way)
        self.write("part_amount", amount)
        self.write("part_reference", reference)

    def another_line(self) -> None:
        self._tap(self.page.locator("#add-line"))
        self.page.wait_for_selector("#find:focus")

    def without_token(self, what: str, amount: str = "") -> None:
        if not self.page.locator("#charge").is_visible():
            self._tap(self.page.locator("#charges > summary"))
        before = self.page.locator(".basket li").count()
        self.choose("charge", what)
        if amount:
            self.write("charge-amount", amount)
        self._tap(self.page.locator("#put-charge"))
        expect(self.page.locator(".basket li")).to_have_count(before + 1)

    def take(self) -> None:
        self._tap(self.page.locator("#take-money"))

    def next_customer(self) -> None:
        self._tap(self.page.locator("#next-customer"))
        self.page.wait_for_selector("#find:focus")

    def press(self, name: str) -> None:
        self._tap(self._named(name))

    def write(self, name: str, text: str) -> None:
        self._tap(self.page.locator(f"#{name}"))
        self.page.locator(f"#{name}").fill("")
        self.page.keyboard.type(text)

    def choose(self, name: str, label: str) -> None:
        """The list that opens is the tablet's own."""
        labels = self.page.locator(f"#{name} option").all_inner_texts()
        self.page.locator(f"#{name}").select_option(
            label=next(one for one in labels if one.lower().startswith(label.lower()))
        )

    def count(self, pieces: dict[str, str]) -> None:
        for minor, number in pieces.items():
            self._tap(self.page.locator(f"[data-count] input[data-minor='{minor}']"))
            self.page.keyboard.type(number)
