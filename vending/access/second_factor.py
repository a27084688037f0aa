"""The second factor by a code of six digits (TOTP, RFC 6238): a secret in the person's telephone, a code for 30 seconds.

A code is good once: the step that was used last is kept with the person, and only a later one is accepted.
"""

import hmac
from datetime import datetime

import pyotp

STEP_S = 30
SLACK_STEPS = 1  # clocks of telephones: one step before and one after


def new_secret() -> str:
    return pyotp.random_base32(32)


def address(secret: str, login: str, site_name: str) -> str:
    """What the QR code says that a telephone scans once."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=site_name)


def step_of(code: str, secret: str, now: datetime, last_step: int) -> int | None:
    """The step that this code belongs to; None when it is wrong, too old, or was used before."""
    typed = code.replace(" ", "")
    if len(typed) != 6 or not (typed.isascii() and typed.isdigit()):
        return None
    generator = pyotp.TOTP(secret)
    present = int(now.timestamp()) // STEP_S
    found = None
    for step in range(present - SLACK_STEPS, present + SLACK_STEPS + 1):
        # Every candidate is compared, so that the time taken does not tell which one matched.
        if hmac.compare_digest(generator.generate_otp(step), typed) and step > last_step:
            found = step
    return found
