"""Every refusal of this package: one class per rule of the standard that can be broken.

A leaf has a stable `code` for programs, `fields` for tests and screens, and one sentence for people.
No field and no sentence ever holds key bytes or a token. Nothing else than `StsError` leaves `sts`.
"""

from __future__ import annotations

from typing import ClassVar


class StsError(Exception):
    """The root: what is asked cannot be done under the standard, and here is which rule forbids it."""

    code: ClassVar[str] = "sts"
    template: ClassVar[str] = "The request breaks a rule of the standard."

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.template.format(**fields))

    @property
    def sentence(self) -> str:
        return str(self)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.fields)


def _rebuild(leaf: type[StsError], fields: dict[str, object]) -> StsError:
    """Errors travel between processes with their fields, which plain exceptions would lose."""
    return leaf(**fields)


# ---- values of the wrong shape, wherever they stand


class WrongType(StsError):
    code = "type"
    template = "{what} must be {expected}; {found} was given."


class OutOfRange(StsError):
    code = "range"
    template = "{what} must be from {low} to {high}."


class NotDigits(StsError):
    code = "not_digits"
    template = "{what} is written with the digits 0 to 9 only; type it again as it is printed."


class LengthWrong(StsError):
    code = "length"
    template = "{what} has {expected} digits, but {found} were given; count them again."


class LengthsDiffer(StsError):
    code = "lengths_differ"
    template = "There must be as many of each: {left} and {right} were given."


class NotHexadecimal(StsError):
    code = "hex"
    template = "{what} is written in hexadecimal digits (0-9, a-f) without a prefix."


# ---- identifiers


class CheckDigitWrong(StsError):
    code = "check_digit"
    template = "The check digit of {what} does not match; a digit was mistyped or two were exchanged."


class IssuerUnknown(StsError):
    code = "issuer"
    template = "The issuer number must be 600727 (11-digit meter numbers) or 0000 (13-digit meter numbers)."


class IssuerMismatch(StsError):
    code = "issuer_mismatch"
    template = "Issuer {iin} goes with meter numbers of {expected} digits, not of {found}."


class KeyRevisionOutOfRange(OutOfRange):
    code = "krn"
    template = "The key revision number (KRN) must be from 1 to 9."


class KeyExpiryOutOfRange(OutOfRange):
    code = "ken"
    template = "The key expiry number (KEN) must be from 0 to 255; 255 means that the key never expires."


class KeyTypeUnknown(StsError):
    code = "key_type_unknown"
    template = "The key type must be 0 (DITK), 1 (DDTK), 2 (DUTK) or 3 (DCTK)."


class IdRecordWrong(StsError):
    code = "id_record"
    template = "The ID record cannot be read: {reason}."


# ---- time


class BaseDateUnknown(StsError):
    code = "base_date"
    template = "The base date must be 1993, 2014 or 2035."


class TimeNotAware(StsError):
    code = "time_zone"
    template = "A time without its offset from UTC cannot become a token identifier; state the offset."


class OffsetNotFixed(StsError):
    code = "time_offset"
    template = (
        "Token time runs at one fixed offset of whole minutes; a zone with summer time would repeat minutes."
    )


class TimeBeforeBase(StsError):
    code = "time_before_base"
    template = "The time lies before the base date {base}; use a key with an earlier base date."


class TimeAfterLastMinute(StsError):
    code = "time_after_last"
    template = (
        "The time lies after the last minute of base date {base} ({last}); "
        "change the meter to a key with a later base date, with roll-over."
    )


# ---- amounts


class AmountNegative(StsError):
    code = "amount_negative"
    template = "An amount of units cannot be negative."


class AmountTooLarge(StsError):
    code = "amount_too_large"
    template = "One token carries at most {largest} units; split the amount into several tokens."


class AmountNotEncodable(StsError):
    code = "amount_not_encodable"
    template = (
        "A token cannot carry exactly {amount}; the nearest amounts that it can carry are "
        "{below} and {above}. Quantise the amount before it is priced."
    )


class RoundingUnknown(StsError):
    code = "rounding"
    template = "Rounding is named 'down' or 'up'."


# ---- keys, derivation, ciphers


class KeyLengthWrong(StsError):
    code = "key_length"
    template = "{what} has {expected} bytes, but {found} were given."


class KeyMissing(StsError):
    code = "key_missing"
    template = "Tokens of class {token_class} are enciphered; the meter's decoder key is needed."


class KeyRefuses(StsError):
    """The token is sound, but this key may not carry it (a meter answers with a status of its own)."""

    code = "key_refuses"


class KeyTypeRefuses(KeyRefuses):
    code = "key_type"
    template = "A key of type {key_type} may not carry {token}; change the meter's key first."


class KeyExpired(KeyRefuses):
    code = "key_expired"
    template = "The key expired (KEN {ken}) before the time of this token; change the meter's key first."


class AlgorithmUnknown(StsError):
    code = "ea"
    template = "The encryption algorithm (EA) must be 07 or 11."


class DerivationUnknown(StsError):
    code = "dkga"
    template = "The key derivation (DKGA) must be 02, 03 or 04."


class DerivationRefused(StsError):
    code = "dkga_refused"
    template = "{reason}"


class DerivationMismatch(StsError):
    code = "dkga_ea"
    template = "DKGA{dkga} makes keys for EA{expected} only, not for EA{ea}."


class TablesWrong(StsError):
    code = "tables"
    template = "The EA07 table file cannot be used: {reason}."


# ---- tokens


class TokenRefused(StsError):
    """The 20 digits are not a token that this key and this standard can read."""

    code = "token"


class FormatWrong(TokenRefused):
    """The meter's status "format": the digits themselves are wrong, whatever the key."""

    code = "format"


class TokenNotDigits(FormatWrong):
    code = "token_not_digits"
    template = "A token is 20 digits 0 to 9, with nothing between them."


class TokenLengthWrong(FormatWrong):
    code = "token_length"
    template = "A token has 20 digits, but {found} were given; count them again."


class TokenTooLarge(FormatWrong):
    code = "token_too_large"
    template = "These 20 digits are more than 66 bits can hold, so no token has them; type them again."


class CrcWrong(TokenRefused):
    code = "crc"
    template = "The checksum does not match: a digit is wrong, or the token is for another meter or key."


class Unsupported(TokenRefused):
    code = "unsupported"
    template = "Class {token_class} subclass {subclass} is {standing}; its content is not defined here."


class ClassReserved(Unsupported):
    code = "class_reserved"
    template = "Tokens of class 3 are reserved by the standard; their content is not defined."


class KeyChangeIncomplete(TokenRefused):
    code = "key_change_incomplete"
    template = "The key-change set is not complete; still to come: section {missing}."


class KeyChangeMismatch(TokenRefused):
    code = "key_change_mismatch"
    template = "The key-change tokens do not belong together: {reason}."


class ThirdSectionOpen(TokenRefused):
    code = "key_change_three"
    template = (
        "A set of three key-change tokens is not offered: what the third token holds with a 64-bit key "
        "has not been established. Use a set of two."
    )


# ---- the known-answer interface


class QuestionWrong(StsError):
    """A line of the known-answer interface that cannot be a question."""

    code = "question"


class NotJson(QuestionWrong):
    code = "bad_json"
    template = "The line is not a JSON object."


class UnknownKind(QuestionWrong):
    code = "unknown_kind"
    template = "This kind of question is not known; the kinds are listed in docs/reference/vectors.md."


class InputMissing(QuestionWrong):
    code = "input_missing"
    template = "The input {name} is missing."


# ---- the command line


class VectorFileMissing(StsError):
    code = "vector_file"
    template = "The vector file cannot be read; name the files, or run in a clone of the project."


class KeyFileWrong(StsError):
    code = "key_file"
    template = "The key file cannot be used: {reason}."


class ArgumentWrong(StsError):
    code = "argument"
    template = "{what} is not understood; write it as in: {example}"
