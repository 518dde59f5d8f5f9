"""Known symptoms: what an answer shows, which hop gave it, the known cause, and what to do. Pure.

Sources: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/,
https://developers.cloudflare.com/workers/observability/errors/, https://www.backblaze.com/docs/cloud-storage
"""

import re
from dataclasses import dataclass
from html import unescape

from ..answers import Answer
from .symptom import Hop, Symptom
from .symptom_table import SYMPTOMS

PROXY_ID = "bowerbird-signing-proxy"  # HostId in each refusal of the signing proxy; B2's have none
PROXY_HEADER = "x-bowerbird-proxy"
_READER = re.compile(r"(The read Worker|The image store|There is no such image)\b")  # all that it ever says


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `seen` says of an answer, and what to do about it."""

    seen: str
    advice: str


def hop_of(answer: Answer) -> Hop:
    """Return who gave this answer, as far as it shows.

    >>> str(hop_of(Answer(403, {"content-type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")))
    'B2'
    """
    text = answer.text
    if worker := _worker_of(answer):
        return worker
    if answer.is_html or re.match(r"error code: \d+\s*$", text):
        is_cloudflare = "cloudflare" in text.lower() or "cloudflare" in answer.headers.get("server", "").lower()
        return Hop.CLOUDFLARE if is_cloudflare or "error code:" in text else Hop.OTHER
    if 520 <= answer.status <= 530:
        return Hop.CLOUDFLARE
    if "<Error>" in text or "x-amz-request-id" in answer.headers or _is_native(answer):
        return Hop.B2
    return Hop.OTHER


def recognise(answer: Answer, *, is_public: bool = False) -> Symptom | None:
    """Return the first known symptom that `answer` shows; `is_public`: it came from the public address.

    A good answer shows none, and neither does that of an object that is not there.
    """
    if answer.status < 400 and not answer.is_html:
        return None
    hop, text = hop_of(answer), answer.text
    for one in SYMPTOMS:
        is_place = one.is_public is None or one.is_public == is_public
        is_hop = one.hop is None or one.hop is hop
        is_status = not one.statuses or answer.status in one.statuses
        if is_place and is_hop and is_status and re.search(one.pattern, text, re.IGNORECASE | re.DOTALL):
            return one
    return None


def explain(answer: Answer, *, is_public: bool = False) -> Diagnosis:
    """Return what to say of an answer that should not be: its known cause, or else all that it shows."""
    hop, known = hop_of(answer), recognise(answer, is_public=is_public)
    code = _first(r"<Code>([^<]{1,60})</Code>", answer) or _first(r'"code"\s*:\s*"([^"]{1,60})"', answer)
    code = code or _first(r"\berror(?: code)?:? (1\d{3})\b", answer)
    said = _first(r"<Message>([^<]{1,200})</Message>", answer) or _first(r'"message"\s*:\s*"([^"]{1,200})"', answer)
    said = said or (answer.text.strip()[:200] if hop is Hop.READER else "")
    words = [f"{answer.status} from {hop}", code, said]
    seen = ": ".join(word for word in words if word)
    if known is None:
        return Diagnosis(seen, f"not a known symptom; the answer came from {hop}: its log or status page says more")
    return Diagnosis(seen, f"{known.cause}: {known.remedy}")


def _worker_of(answer: Answer) -> Hop | None:
    """Return which Worker answered in its own words, if one did."""
    if PROXY_ID in answer.text or answer.headers.get("x-amz-id-2") == PROXY_ID:
        return Hop.PROXY
    if answer.headers.get("content-type", "").startswith("text/plain") and _READER.match(answer.text):
        return Hop.READER
    return Hop.SAMPLE if "<ErrorResponse" in answer.text else None


def _is_native(answer: Answer) -> bool:
    """Whether it is a refusal of B2's native API, which the download host gives too."""
    return re.search(r'"code"\s*:\s*"\w+"', answer.text) is not None and '"status"' in answer.text


def _first(pattern: str, answer: Answer) -> str:
    match = re.search(pattern, answer.text, re.IGNORECASE)
    return unescape(match[1]).strip() if match else ""
