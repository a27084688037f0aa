"""The keypad as plain lines: for pipes, scripts and screen readers. One line in, what the meter shows out.

Twenty digits are a token, one to four a short code. A line that begins with a point is something that happens to the meter:
`.load 3000` `.wait 3600` `.cut` `.back` `.cover` `.credit` `.lang fr` `.help` `.quit`. It keeps no history of what was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from meter import keypad, wording
from meter.keypad import Keypad
from meter.local_driver import Hosted
from meter.twin import Twin
from meter.wording import Words

LONGEST_WAIT_S = 366 * 86_400
HELP = ".load WATTS  .wait SECONDS  .cut  .back  .cover  .credit  .lang en|zh|fr|ar  .quit"

Say = Callable[[str], None]


class LineKeypad:
    """One meter at a line. `at` says how far the meter's time has come."""

    def __init__(self, hosted: Hosted, words: Words, say: Say) -> None:
        self._hosted = hosted
        self._keypad = Keypad(hosted)
        self._words = words
        self._say = say
        self._watts = 0

    def run(self, lines: Iterable[str]) -> None:
        """Take lines until they end or `.quit` comes."""
        self._show()
        for line in lines:
            text = line.strip()
            if text == ".quit":
                return
            if text.startswith("."):
                self._happen(text[1:].split())
            else:
                self._keypad.enter(text[:80])
                self._tell()

    def _tell(self) -> None:
        twin = self._hosted.twin
        answer = self._keypad.answer
        for page in answer.pages:
            self._say(f"  {self._words.label(page.label)}: {page.figure} {page.unit}".rstrip())
        if not answer.pages or answer.result:
            self._say(keypad.sentence(answer, twin, self._words))
            self._say(keypad.advice(answer, twin, self._words))
        self._show()

    def _show(self) -> None:
        twin = self._hosted.twin
        display = self._keypad.display()
        lit = " ".join(word for word in keypad.STATUS_WORDS if word in display.lit)
        self._say(f"[ {display.figure} {display.unit} | {lit} ] {keypad.supply_sentence(twin, self._words)}")

    def _happen(self, words: list[str]) -> None:
        twin = self._hosted.twin
        match words:
            case ["load", watts] if watts.isdigit() and len(watts) < 8:
                self._watts = int(watts)
            case ["wait", seconds] if seconds.isdigit() and int(seconds) <= LONGEST_WAIT_S:
                self._hosted.act(lambda each: each.advance(each.state.now + int(seconds), self._load(each)))
            case ["cut"]:
                self._hosted.act(Twin.power_off)
            case ["back"]:
                self._hosted.act(Twin.power_on)
            case ["cover"]:
                self._hosted.act(lambda each: each.tamper("cover"))
            case ["credit"]:
                for shown in twin.show("credit") + twin.show("total"):
                    self._say(f"  {self._words.label(shown.label)}: {shown.figure} {shown.unit}".rstrip())
            case ["lang", code] if code in wording.LANGUAGES:
                self._words = wording.words(code)
            case _:
                self._say(HELP)
                return
        self._show()

    def _load(self, twin: Twin) -> int:
        return self._watts if twin.state.powered else 0
