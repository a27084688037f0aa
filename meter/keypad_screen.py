"""The keypad as a full screen in the terminal: glass, keys, and the same said in words beside them.

Keys of the keyboard are keys of the meter; the mouse works too. Time runs with the wall clock. Textual is an optional part
(`pip install ampoule[keypad]`); the plain line mode needs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Horizontal, Vertical
from textual.events import Key, Paste
from textual.widgets import Button, Static

from meter import keypad
from meter.keypad import Keypad
from meter.local_driver import Hosted
from meter.wording import Words

SEGMENT_ROWS = (
    # top row, middle row, bottom row of a three by three cell, by the segments a to g
    (("a", " _ "),),
    (("f", "|  "), ("g", " _ "), ("b", "  |")),
    (("e", "|  "), ("d", " _ "), ("c", "  |")),
)


def big(figure: str, places: int = 8) -> str:
    """A figure in three rows of strokes, as a seven-segment glass shows it."""
    from meter import drawing

    rows = ["", "", ""]
    for cell in drawing.cells(figure, places):
        for number, parts in enumerate(SEGMENT_ROWS):
            drawn = [" "] * 3
            for segment, stroke in parts:
                if segment in cell.lit:
                    drawn = [new if new != " " else old for old, new in zip(drawn, stroke, strict=True)]
            rows[number] += "".join(drawn) + ("." if cell.point and number == 2 else " ")
    return "\n".join(rows)


class KeypadScreen(App[None]):
    """One meter, full screen."""

    CSS = """
    Screen { align: center middle; }
    #body { width: 96; height: auto; }
    #meter { width: 46; height: auto; border: round $foreground; padding: 1 2; }
    #glass { background: #b9c6ae; color: #16201b; height: 7; padding: 0 1; text-style: bold; }
    #keys { grid-size: 3 4; grid-gutter: 0 1; height: auto; margin-top: 1; }
    #keys Button { width: 100%; min-width: 8; }
    #enter { background: #f2a20c; color: #16201b; }
    #words { width: 1fr; height: auto; padding: 1 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "quit", "Quit"),
        Binding("enter", "press('enter')", "Enter", priority=True),
        Binding("backspace", "press('delete')", "Delete", priority=True),
    ]

    def __init__(
        self, hosted: Hosted, words: Words, watts: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self._hosted = hosted
        self._keypad = Keypad(hosted)
        self._say = words
        self._watts = watts
        self._clock = clock
        self._lead = hosted.twin.state.now - int(clock())
        self._page = 0

    def compose(self) -> ComposeResult:
        with Horizontal(id="body"):
            with Vertical(id="meter"):
                yield Static(self._hosted.twin.profile.title)
                yield Static(id="glass")
                with Grid(id="keys"):
                    for digit in "123456789":
                        yield Button(digit, id=f"key-{digit}")
                    yield Button(self._say.say("page", "delete"), id="delete")
                    yield Button("0", id="key-0")
                    yield Button(self._say.say("page", "enter"), id="enter")
            yield Static(id="words")

    def on_mount(self) -> None:
        self.set_interval(1.0, self._tick)
        self.refresh_meter()

    def _tick(self) -> None:
        self._run()
        self._page += 1
        self.refresh_meter()

    def _run(self) -> None:
        twin = self._hosted.twin
        moment = max(twin.state.now, int(self._clock()) + self._lead)
        twin.advance(moment, self._watts if twin.state.powered else 0)
        self._keypad.forget_stale()

    def action_press(self, key: str) -> None:
        self._run()
        self._keypad.press(key)
        self._page = 0
        self.refresh_meter()

    def on_key(self, event: Key) -> None:
        if event.character and event.character in "0123456789":
            event.stop()
            self.action_press(event.character)

    def on_paste(self, event: Paste) -> None:
        event.stop()
        for digit in filter(str.isdigit, event.text[:40]):
            self._keypad.press(digit)
        self.refresh_meter()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        name = event.button.id or ""
        self.action_press(name.removeprefix("key-"))

    def refresh_meter(self) -> None:
        """Draw the glass and the words anew."""
        twin = self._hosted.twin
        display = self._keypad.display(self._page // 2)
        status = Text()
        for word in keypad.STATUS_WORDS:
            status.append(word + " ", style="bold" if word in display.lit else "#9aa690")
        typed = display.typed.ljust(20, "-")
        groups = " ".join(typed[at : at + 4] for at in range(0, 20, 4))
        glass = Text("\n").join(
            [
                status,
                Text(big(display.figure)),
                Text(f"{display.unit:>34}"),
                Text(f"{groups}  {display.lower}"),
            ]
        )
        self.query_one("#glass", Static).update(glass)
        answer = self._keypad.answer
        lines = [
            f"[b]{keypad.sentence(answer, twin, self._say)}[/b]",
            keypad.advice(answer, twin, self._say),
            "",
            keypad.supply_sentence(twin, self._say),
            "",
        ]
        for shown in twin.show("credit") + twin.show("power") + twin.show("total"):
            lines.append(f"{self._say.label(shown.label)}: [b]{shown.figure}[/b] {shown.unit}")
        self.query_one("#words", Static).update("\n".join(lines))
