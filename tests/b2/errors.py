"""The refusals of B2's S3 API: status, code, message, and nothing else."""

from xml.sax.saxutils import escape

HEADERS = [("Cache-Control", "max-age=0, no-cache, no-store")]


class Refusal(Exception):
    """One answer that is not the one that was hoped for."""

    def __init__(
        self, status: int, code: str, message: str, *, retry_after_s: int | None = None, is_hidden: bool = False
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        self.is_hidden = is_hidden

    def xml(self) -> bytes:
        """Return the body that B2 sends."""
        text = (
            f"<Error>\n    <Code>{escape(self.code)}</Code>\n    <Message>{escape(self.message)}</Message>\n</Error>\n"
        )
        return ('<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + text).encode()


def unsupported(header: str) -> Refusal:
    return Refusal(400, "InvalidArgument", f"Unsupported header '{header}' received for this API call.")


def invalid(message: str) -> Refusal:
    return Refusal(400, "InvalidArgument", message)


def not_entitled() -> Refusal:
    return Refusal(403, "AccessDenied", "not entitled")


def mismatch() -> Refusal:
    return Refusal(403, "SignatureDoesNotMatch", "Signature validation failed")


def unauthenticated() -> Refusal:
    return Refusal(403, "AccessDenied", "Unauthenticated requests are not allowed for this api")


def no_length() -> Refusal:
    return Refusal(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def malformed_xml() -> Refusal:
    return Refusal(400, "MalformedXML", "The XML you provided was not well-formed or did not validate")
