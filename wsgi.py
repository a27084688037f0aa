"""The application for a WSGI server: `granian --interface wsgi wsgi:application`, for sites on PostgreSQL.

Several such processes may run on one host; what goes on behind the pages is then a process of its own (`ampoule worker`).
On SQLite the product is one process, `ampoule serve`, and this file refuses: a second writer would lose sales.
"""

from vending import bootstrap, garbage, migrating, settings
from vending.errors import VendingError
from vending.web.app import create_app


class OneProcessOnly(VendingError):
    code = "one_process_only"


def _open():  # type: ignore[no-untyped-def]
    chosen = settings.load()
    services = bootstrap.open_services(chosen)
    if services.db.dialect == "sqlite":
        services.db.close()
        raise OneProcessOnly(
            "On SQLite the pages and the worker are one process: start `ampoule serve` instead."
        )
    migrating.refuse_unless_current(services.db)
    app = create_app(services)
    garbage.settle()
    return app


application = _open()
