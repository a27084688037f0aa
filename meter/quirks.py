"""How real meters stray from the standard, each a switch of the meter that we put on a line.

The defaults stray nowhere. A driver that gets through all of these gets through a meter room. They change what our own
serial meter says, never what the driver accepts.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    # The identification.
    line_end: str = "\r\n"
    noise_before: bytes = b""
    identification_twice: bool = False
    endless_identification: bool = False
    baud_character: str = ""
    groups: tuple[str, ...] = ()
    without_text: bool = False
    ignores_address: bool = False
    talks_unasked: bytes = b""
    # The switch of rate and the option.
    stays_at_initial_baud: bool = False
    refuses_above_baud: int = 0
    ignores_option: bool = False
    silent_after_choice: bool = False
    # Blocks.
    stray_after_block: bytes = b""
    without_check: bool = False
    readout_cut_after: int = 0
    pause_after: int = 0
    pause_s: float = 0.0
    endless_blocks: bool = False
    break_after_blocks: int = 0
    # Answers in programming mode.
    damaged_answers: int = 0
    nak_to_everything: bool = False
    bare_ack_to_read: bool = False
    needs_argument: str = ""
    without_address: bool = False
    answers_for: str = ""
    swallowed_confirmations: int = 0
    decimal_comma: bool = False
    same_address_twice: bool = False
    body_instead: str = ""
