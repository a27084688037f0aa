"""What is refused about work orders and visits, each with what to do next."""

from vending.errors import InvalidInput, VendingError


class OrderClosed(VendingError):
    code = "work_order_closed"


class OrderUnfit(InvalidInput):
    code = "work_order_unfit"


class VisitEmpty(InvalidInput):
    code = "visit_empty"


class VisitResultsRefused(InvalidInput):
    code = "visit_results_refused"
