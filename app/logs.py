"""The log: one line of JSON on standard error for each thing that happened, in which no text can begin a new line."""

import sys


def configure() -> None:
    """Set up structlog for this process."""
    import structlog  # noqa: PLC0415 the command line has to start without the server's libraries

    # Of a trace no values of variables: among them are the tokens, and the settings of a part that failed.
    traces = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            traces,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
