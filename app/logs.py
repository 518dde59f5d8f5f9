"""The log: one line on standard error for each thing that happened, of JSON or, on a terminal, to be read.

No text can begin a new line of either, nor say anything to a terminal.
"""

import logging
import re
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from . import request_ids

_PLAIN = re.compile(r"[\w./:@+-]+", re.ASCII)


def configure(form: str = "auto") -> None:
    """Set up structlog for this process; `form` is `json`, `text`, or `auto`: text on a terminal."""
    import structlog  # noqa: PLC0415 the command line has to start without the server's libraries

    is_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    structlog.configure(
        processors=[
            _add_request_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # no values of variables: some are secrets
            _readable if is_text else structlog.processors.JSONRenderer(),
        ],
        logger_factory=lambda *_: _Lines(sys.stderr),
    )


def take_all() -> None:
    """Let what else this process would print of its errors, and its libraries of theirs, come as lines of the log."""
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[Bridge()], level=logging.WARNING, force=True)
    sys.excepthook = lambda kind, error, trace: uncaught(error)
    threading.excepthook = lambda args: uncaught(args.exc_value)


def uncaught(error: BaseException | None) -> None:
    """Log an error that nobody has foreseen, with its traceback in the field `exception`."""
    import structlog  # noqa: PLC0415 as above

    structlog.get_logger().error("uncaught", exc_info=error)


class Bridge(logging.Handler):
    """Turns records of the standard library's loggers, gunicorn's among them, into lines of the log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        import structlog  # noqa: PLC0415 as above

        told = {"exc_info": record.exc_info} if record.exc_info else {}
        level = {"critical": "critical", "error": "error", "warning": "warning"}.get(record.levelname.lower(), "info")
        getattr(structlog.get_logger(), level)(record.getMessage(), logger=record.name, pid=record.process, **told)


class _Lines:
    """Writes each line at once and whole. Where nobody reads them any more, that fails no request."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._file.write(line + "\n")
            self._file.flush()

    debug = info = warning = error = critical = exception = msg


def _add_request_id(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    if request_id := request_ids.current():
        event.setdefault("request_id", request_id)
    return event


def _readable(_logger: Any, _name: str, event: Mapping[str, Any]) -> str:
    """Return a line to be read, and the traceback below it, indented."""
    rest = dict(event)
    head = f"{rest.pop('timestamp')[11:19]} {rest.pop('level'):8}{_shown(rest.pop('event'))}"
    trace = str(rest.pop("exception", ""))
    values = "".join(f"  {name}={_shown(value)}" for name, value in rest.items() if value is not None)
    return head + values + "".join(f"\n    {repr(line)[1:-1]}" for line in trace.splitlines())


def _shown(value: Any) -> str:
    """Return a value as it is where nothing in it could be mistaken, else with everything odd in it escaped.

    >>> print(_shown("a.png"), _shown("two\\nlines"), _shown("ü"), _shown(3))
    a.png 'two\\nlines' 'ü' 3
    """
    text = value if isinstance(value, str) else repr(value)
    return text if _PLAIN.fullmatch(text) or not isinstance(value, str) else repr(text)
