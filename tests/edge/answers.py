"""Answers of Cloudflare's own making: its error pages, and parts of what it keeps."""

import re
from email.utils import parsedate_to_datetime

from .cache import Answer, Headers

_TITLES = {
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    526: "Invalid SSL certificate",
}
_NEVER = ("Cache-Control", "private, max-age=0, no-store, no-cache, must-revalidate, post-check=0, pre-check=0")


def page(status: int, host: str) -> Answer:
    """Return the page for what is wrong between Cloudflare and the origin."""
    title = f"{host} | {status}: {_TITLES[status]}"
    body = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>Error code {status}</h1></body></html>\n"
    )
    headers = [("Content-Type", "text/html; charset=UTF-8"), _NEVER, ("Expires", "Thu, 01 Jan 1970 00:00:01 GMT")]
    return Answer(status, headers, body.encode(), is_own=True)


def error(status: int, code: int) -> Answer:
    """Return the short text for what is wrong at Cloudflare: 1001 and 1016 are about DNS, 1101 about a Worker."""
    headers = [("Content-Type", "text/plain; charset=UTF-8"), _NEVER]
    return Answer(status, headers, f"error code: {code}\n".encode(), is_own=True)


def fitting(answer: Answer, headers: dict[str, str]) -> Answer:
    """Return what of a whole answer the request's headers ask for: all of it, a part (206), or that it is known (304).

    Only what the origin itself sent as ETag and Last-Modified is known here; rules change the answer later on.
    """
    if answer.status != 200:
        return answer
    if _is_known(answer, headers):
        return Answer(304, _without_length(answer.headers), b"")
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", ""))
    if not match or not (match[1] or match[2]) or "if-range" in headers:
        return answer
    size = len(answer.body)
    start = int(match[1]) if match[1] else max(0, size - int(match[2]))
    end = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
    if start > end:
        return Answer(416, [("Content-Range", f"bytes */{size}")], b"", is_own=True)
    kept = [*_without_length(answer.headers), ("Content-Range", f"bytes {start}-{end}/{size}")]
    return Answer(206, kept, answer.body[start : end + 1])


def _is_known(answer: Answer, headers: dict[str, str]) -> bool:
    etag, modified = answer.header("etag"), answer.header("last-modified")
    if "if-none-match" in headers:
        listed = {one.strip().removeprefix("W/") for one in headers["if-none-match"].split(",")}
        return bool(etag) and (etag.removeprefix("W/") in listed or "*" in listed)
    if "if-modified-since" in headers and modified:
        return parsedate_to_datetime(modified) <= parsedate_to_datetime(headers["if-modified-since"])
    return False


def _without_length(headers: Headers) -> Headers:
    return [one for one in headers if one[0].lower() != "content-length"]
