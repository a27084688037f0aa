"""How often a server looks for garbage that holds itself: seldom, and not among what was made at its start.

Python looks after every seven hundred new objects, of which one sale alone makes more. What the start made (modules, tables,
statements, the URL map) stays to the end, so it is set aside once and not walked through again.
"""

import gc

AFTER = 10_000


def settle() -> None:
    """To be called once, when all that stays has been made."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(AFTER, *gc.get_threshold()[1:])
