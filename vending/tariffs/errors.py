"""What a tariff refuses: one class per broken rule, each with a stable code and a sentence that says what to do."""

from vending.errors import InvalidInput, NotFound, VendingError


class TariffInvalid(InvalidInput):
    """The root of what is wrong inside a tariff; `field` names the charge."""

    code = "tariff_invalid"


class ChargeMissing(TariffInvalid):
    code = "tariff_without_charges"


class ChargeNamedTwice(TariffInvalid):
    code = "tariff_charge_named_twice"


class ChargeIdInvalid(TariffInvalid):
    code = "tariff_charge_id_invalid"


class BlocksUpsideDown(TariffInvalid):
    code = "tariff_blocks_upside_down"


class BlocksWithGap(TariffInvalid):
    code = "tariff_blocks_with_gap"


class RateNegative(TariffInvalid):
    code = "tariff_rate_negative"


class RateTooFine(TariffInvalid):
    code = "tariff_rate_too_fine"


class NetRateNegative(TariffInvalid):
    code = "tariff_net_rate_negative"


class PercentOutOfRange(TariffInvalid):
    code = "tariff_percent_out_of_range"


class PercentLooksLikeFraction(TariffInvalid):
    code = "tariff_percent_looks_like_fraction"


class BaseUnknown(TariffInvalid):
    code = "tariff_base_unknown"


class PeriodUnknown(TariffInvalid):
    code = "tariff_period_unknown"


class CalendarInvalid(TariffInvalid):
    code = "tariff_calendar_invalid"


class CounterMissing(TariffInvalid):
    code = "tariff_counter_missing"


class ServiceUnknown(TariffInvalid):
    code = "tariff_service_unknown"


class DeductionInvalid(TariffInvalid):
    code = "tariff_deduction_invalid"


class ValidityInvalid(TariffInvalid):
    code = "tariff_validity_invalid"


class FileNotUnderstood(TariffInvalid):
    code = "tariff_file_not_understood"


class FieldUnknown(TariffInvalid):
    code = "tariff_field_unknown"


class FieldMissing(TariffInvalid):
    code = "tariff_field_missing"


class SituationIncomplete(TariffInvalid):
    """The tariff needs a fact about the customer or the month that was not given."""

    code = "tariff_situation_incomplete"


class ValidityOverlaps(VendingError):
    code = "tariff_validity_overlaps"


class ValidityLeavesGap(VendingError):
    code = "tariff_validity_leaves_gap"


class StartsInThePast(VendingError):
    code = "tariff_starts_in_the_past"


class AlreadyPublished(VendingError):
    code = "tariff_already_published"


class AlreadyInForce(VendingError):
    code = "tariff_already_in_force"


class ApprovalDoesNotFit(VendingError):
    """The approval is for another document, or by one person only."""

    code = "tariff_approval_does_not_fit"


class TariffNotFound(NotFound):
    code = "tariff_not_found"


class NoTariffInForce(VendingError):
    code = "no_tariff_in_force"


class NeedsAccountMeter(VendingError):
    """Time of use, demand and the like cannot be carried by unit tokens (rules.md 4)."""

    code = "tariff_needs_account_meter"
