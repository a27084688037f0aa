"""What people cannot do, and the sentence that each hears. Sign-in never tells which half of it was wrong."""

from vending.errors import InvalidInput, NotAllowed, VendingError


class LoginUnfit(InvalidInput):
    code = "login_unfit"


class LoginTaken(InvalidInput):
    code = "login_taken"


class SignInRefused(NotAllowed):
    """Name, password or code is wrong, or the account is closed: one answer for all of them."""

    code = "sign_in_refused"

    def __init__(self) -> None:
        super().__init__("Name, password or code is not right. Try again, or ask a manager to reset it.")


class TooManyGuesses(NotAllowed):
    code = "too_many_guesses"

    def __init__(self, wait_s: int) -> None:
        super().__init__(f"Too many wrong tries. Wait {_spoken(wait_s)}, then try again.")
        self.wait_s = wait_s


class SecondFactorNeeded(NotAllowed):
    """The password was right; now the code. Said only after a right password."""

    code = "code_required"

    def __init__(self) -> None:
        super().__init__("Type the six digits that your telephone shows for this site.")


class PasskeyNeeded(NotAllowed):
    """The password was right, and the second factor of this account is its passkey. Said only after a right password."""

    code = "passkey_needed"

    def __init__(self) -> None:
        super().__init__(
            "A password alone does not open this account, which has a passkey. Sign in with the passkey; if it is lost, another "
            "manager resets your second factor."
        )


class SessionOver(NotAllowed):
    code = "session_over"

    def __init__(self, why: str = "it rested too long") -> None:
        super().__init__(f"This session has ended ({why}). Sign in again.")
        self.why = why


class NotConfirmed(NotAllowed):
    code = "not_confirmed"

    def __init__(self, left: int) -> None:
        more = f"{left} more tries" if left != 1 else "one more try"
        super().__init__(f"That was not right; {more} before you are signed out.")


class WitnessNotConfirmed(NotAllowed):
    """The second person's PIN or password is wrong, or he works here no more: one answer for both."""

    code = "witness_not_confirmed"

    def __init__(self) -> None:
        super().__init__("The second person's PIN or password is not right. Let him type it again.")


class ConfirmationNeeded(NotAllowed):
    code = "confirmation_needed"

    def __init__(self) -> None:
        super().__init__("Confirm that it is you: type your PIN or password, or use your passkey.")


class PasskeyRefused(NotAllowed):
    code = "passkey_refused"

    def __init__(self) -> None:
        super().__init__("The passkey was not accepted. Begin again, or sign in with password and code.")


class PasskeyElsewhere(NotAllowed):
    """The page was opened under a name that is none of this site's."""

    code = "passkey_elsewhere"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Passkeys of this site work at {address} alone. Open the pages there and begin again."
        )


class ApiKeyRefused(NotAllowed):
    code = "api_key_refused"

    def __init__(self) -> None:
        super().__init__(
            "The API key is unknown, expired or withdrawn. Ask a manager of the site for a new one."
        )


class ApiKeyOverLimit(VendingError):
    code = "api_key_over_limit"


class ApiKeyTooFast(VendingError):
    """More calls in a minute than the key may make; nothing was done."""

    code = "api_key_too_fast"

    def __init__(self, limit: int, wait_s: int) -> None:
        super().__init__(f"More than {limit} calls in a minute. Wait {_spoken(wait_s)}, then go on.")
        self.limit = limit
        self.wait_s = wait_s


class ApiKeyLimitsUnfit(InvalidInput):
    code = "api_key_limits_unfit"


class LastManager(VendingError):
    code = "last_manager"


class RoleHeldAlready(InvalidInput):
    code = "role_held_already"


class RoleNotHeld(InvalidInput):
    code = "role_not_held"


class ApprovalRefused(NotAllowed):
    """This person's yes does not count for this act; the code says why."""

    code = "approval_refused"


class ApprovalUnfit(InvalidInput):
    code = "approval_unfit"


def _spoken(seconds: int) -> str:
    if seconds >= 120:
        return f"{-(-seconds // 60)} minutes"
    return "one second" if seconds == 1 else f"{seconds} seconds"
