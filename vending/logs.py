"""What the product writes about itself: one line an event, for people or as JSON, each with the request that caused it.

Three things never get into a log: a token of twenty digits, a key, a password. Names that say so are emptied where they
are given, and every finished line passes `clean` as the last thing before it is written, tracebacks included; so a
library's own message is covered as well. Not the audit trail: that is rows of the database (`audit.py`).
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import IO, Any

import structlog

KEPT_OUT = "(kept out)"
# Twenty digits or more, grouped as people write them or not. A meter's number has eighteen at most.
TOKEN = re.compile(r"(?<![\d.])\d(?:(?:[ \t\u00a0\u202f-]|\\+(?:xa0|u00a0|u202f|n))?\d){19,}(?!\d)")
# Keys of the standard as hex: 16 bytes (DKGA02 and 03), 20 (DKGA04), 24. A row's public name has 16 characters, a hash 64.
KEY = re.compile(r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{48})(?![0-9A-Za-z])")
SECRET_NAMES = frozenset(
    {
        *("password", "passphrase", "pin", "secret", "token", "tokens", "digits", "key_bytes", "cookie"),
        *("authorization", "component", "share", "database_url", "csrf_token"),
    }
)


def clean(line: str) -> str:
    """The line without tokens and keys; what is taken out leaves a mark, so that nobody looks for a missing word."""
    return KEY.sub("(a key, kept out)", TOKEN.sub("(20 digits, kept out)", line))


def _without_secrets(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if name.lower() in SECRET_NAMES:
            event[name] = KEPT_OUT
    return event


class _Line(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))


def _for_people(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """`INFO vending.worker: what happened  order=…`: no time, which the terminal or journald adds."""
    head = f"{event.pop('level', 'info').upper()} {event.pop('logger', 'ampoule')}: {event.pop('event', '')}"
    event.pop("at", None)
    trace = event.pop("exception", "")
    words = " ".join(f"{name}={value}" for name, value in event.items())
    # One event is one line: what came from outside cannot write a line of its own.
    line = (f"{head}  {words}" if words else head).replace("\r", "\\r").replace("\n", "\\n")
    return f"{line}\n{trace}" if trace else line


def configure(form: str, out: IO[str] | None = None) -> None:
    """Sends every logger of this process, ours and the libraries', through one formatter."""
    before: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _without_secrets,
    ]
    ending: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=str) if form == "json" else _for_people
    )
    # The traceback as text: lines of code and no values of variables.
    formatter = _Line(
        foreign_pre_chain=before,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            ending,
        ],
    )
    handler = logging.StreamHandler(out or sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # What Alembic does is said once, by what follows from it; waitress's queue depth is a metric, not news.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def within(**names: str) -> None:
    """From here on, in this thread, each line carries these names. What stood before is dropped: threads are used again."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(**names)
