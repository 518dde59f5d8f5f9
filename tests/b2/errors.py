"""The refusals of B2's S3 API: status, code, message, and nothing else."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

HEADERS = [("Cache-Control", "max-age=0, no-cache, no-store"), ("x-amz-id-2", "aAB1cD2eF3")]


@dataclass
class Refusal(Exception):
    """One answer that is not the one that was hoped for."""

    status: int
    code: str
    message: str
    retry_after_s: int | None = None

    def xml(self) -> bytes:
        """Return the body that B2 sends."""
        text = (
            f"<Error>\n    <Code>{escape(self.code)}</Code>\n    <Message>{escape(self.message)}</Message>\n</Error>\n"
        )
        return ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + text).encode()


def unsupported(header: str) -> Refusal:
    return Refusal(400, "InvalidArgument", f"Unsupported header '{header}' received for this API call.")


def not_entitled() -> Refusal:
    return Refusal(403, "AccessDenied", "not entitled")
