"""What a known symptom is, and who may show one."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Hop(StrEnum):
    """Who gave an answer."""

    PROXY = "the signing proxy"
    READER = "the read Worker"
    SAMPLE = "the published sample proxy"
    B2 = "B2"
    CLOUDFLARE = "Cloudflare"
    OTHER = "neither a Worker of ours, B2 nor Cloudflare"


@dataclass(frozen=True, slots=True)
class Symptom:
    """`sign` is how people quote it. It is shown by an answer whose body has `pattern` (no case), of one of `statuses`
    (any, if empty), given by `hop` (anyone, if None), at the public address or at the endpoint (`is_public`; both, if
    None)."""

    sign: str
    cause: str
    remedy: str
    pattern: str = ""
    statuses: Collection[int] = ()
    hop: Hop | None = None
    is_public: bool | None = None
