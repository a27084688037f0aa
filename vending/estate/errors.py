"""What the estate refuses: one class for each rule, with the sentence that a manager reads."""

from vending.errors import InvalidInput, NotFound, VendingError


class NameUnfit(InvalidInput):
    code = "name_unfit"


class NameTaken(InvalidInput):
    code = "name_taken"


class TimeZoneUnknown(InvalidInput):
    code = "time_zone_unknown"


class LanguageUnknown(InvalidInput):
    code = "language_unknown"


class TaxUnfit(InvalidInput):
    code = "tax_unfit"


class AreaUnfit(InvalidInput):
    code = "area_unfit"


class FormatUnknown(InvalidInput):
    code = "format_unknown"


class PhoneUnfit(InvalidInput):
    code = "phone_unfit"


class EmailUnfit(InvalidInput):
    code = "email_unfit"


class TermUnfit(InvalidInput):
    code = "term_unfit"


class LeaseOverlaps(InvalidInput):
    code = "lease_overlaps"


class ShareUnfit(InvalidInput):
    code = "share_unfit"


class SpaceIsLet(InvalidInput):
    code = "space_is_let"


class MeterNumberWrong(InvalidInput):
    """The check digit does not fit; `suggestions` are known meters that differ by one slip of the finger."""

    code = "meter_number_wrong"

    def __init__(
        self, sentence: str, suggestions: tuple[str, ...] = (), field: str | None = "number"
    ) -> None:
        super().__init__(sentence, field)
        self.suggestions = suggestions


class MeterUnknown(NotFound):
    code = "meter_unknown"

    def __init__(self, sentence: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.suggestions = suggestions


class MeterBoundTwice(InvalidInput):
    code = "meter_bound_twice"


class ServiceUnknown(InvalidInput):
    code = "service_unknown"


class CreditPlaceUnfit(InvalidInput):
    code = "credit_place_unfit"


class KeyDataUnfit(InvalidInput):
    code = "key_data_unfit"


class RatioUnfit(InvalidInput):
    code = "ratio_unfit"


class StateForbids(VendingError):
    """The act does not fit the state that the thing is in."""

    code = "state_forbids"


class CircuitTurnsBack(InvalidInput):
    code = "circuit_turns_back"


class RegisterUnfit(InvalidInput):
    code = "register_unfit"


class FileUnfit(InvalidInput):
    """The file as a whole cannot be read as a table."""

    code = "file_unfit"


class FileTooLarge(InvalidInput):
    code = "file_too_large"


class ColumnUnknown(InvalidInput):
    code = "column_unknown"


class ColumnMissing(InvalidInput):
    code = "column_missing"


class RowsFaulty(InvalidInput):
    code = "rows_faulty"
