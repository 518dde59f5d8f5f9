"""What the answers and failures of an S3 endpoint mean."""

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from ..errors import StoreFull, StoreMisconfigured, StoreUnavailable, Unavailable

# What a repeat may cure. 52x and 530 are Cloudflare's, when what is behind it does not answer.
# 511 is that of a network that wants somebody to sign in.
TRANSIENT = {408, 429, 500, 502, 503, 504, 511, *range(520, 528), 530}
# What botocore raises over an answer that breaks off, or that it cannot read: numbers, dates and XML of any kind.
UNREADABLE = (BotoCoreError, HTTPError, ResponseParserError, ValueError, TypeError, OverflowError, RecursionError)
_CLOCKS = ("RequestTimeTooSkewed", "RequestExpired")
LONGEST_WAIT_S = 16.0  # what a Retry-After is believed


@dataclass
class Failure(Exception):
    """One attempt that failed in a way that may pass. `was_sent`: the object may have been stored all the same."""

    why: str
    was_sent: bool = True
    retry_after_s: float = 0.0


class Missing(Exception):
    """There is no such object, or multipart upload."""


def refusal(e: ClientError) -> Unavailable:
    """Return our error for an answer that a repeat does not cure; the store's own words stay in the log."""
    status, code = status_of(e), e.response.get("Error", {}).get("Code", "")
    if "cap exceeded" in e.response.get("Error", {}).get("Message", "").lower():
        return StoreFull("a cap of the storage account is reached: raise it at Caps & Alerts, or wait for midnight UTC")
    if status in TRANSIENT:
        return StoreUnavailable(f"the store answered {status}")
    if code in _CLOCKS:
        return StoreMisconfigured("the store refuses this server because its clock is wrong: set it by NTP")
    reason = f"{status} {code[:40]}" if code not in ("", str(status)) else f"{status}"
    return StoreMisconfigured(f"the store refuses this server ({reason}): check its S3 settings")


def is_about_the_name(e: BaseException | None) -> bool:
    """Whether the endpoint takes no object of this name: others, who write to B2 itself, may have made one."""
    code = e.response.get("Error", {}).get("Code", "") if isinstance(e, ClientError) else ""
    return code in ("InvalidArgument", "InvalidURI", "KeyTooLongError")


def status_of(e: ClientError) -> int:
    """Return the HTTP status of an error; 0 where there was no answer."""
    return int(e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def retry_after(e: ClientError) -> float:
    """Return the seconds of a Retry-After header, at most LONGEST_WAIT_S."""
    text = e.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("retry-after", "")
    try:
        seconds = float(text) if text.isdigit() else parsedate_to_datetime(text).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT_S)
