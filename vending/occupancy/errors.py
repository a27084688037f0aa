"""What an act of occupancy refuses."""

from vending.errors import InvalidInput, VendingError


class ReadingUnfit(InvalidInput):
    """What was read at the meter cannot be: the sentence says against what it was held."""

    code = "occupancy_reading_unfit"


class OccupancyForbids(VendingError):
    """The act does not fit how things stand; the sentence says what comes first."""

    code = "occupancy_forbids"
