"""What schemathesis cannot guess of the API: images, and words that have a meaning (SCHEMATHESIS_HOOKS names it)."""

from datetime import UTC, datetime
from ipaddress import IPv4Address
from itertools import count

import schemathesis
from hypothesis import strategies as st

from app.paging import Cursor, encode
from tests.samples import make

IMAGES = {kind: make(kind, 8, 8) for kind in ("png", "jpeg", "gif", "webp", "avif")}
BY_DATE, BY_SIZE = encode(Cursor(datetime(2026, 11, 25, tzinfo=UTC), "a.png")), encode(Cursor(300, "a.png"))
PIECE = b"x"
ADDRESSES = map(IPv4Address, count(0x0B000000))  # from 11.0.0.0 on
WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
FILTERS = st.sampled_from(["tag:cat", 'tag:"my cat"', "type:png", "since:2026-11", "larger:1.5MB", "is:favourite"])

for media_type in ("image/*", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, st.sampled_from(list(IMAGES.values())))
schemathesis.openapi.media_type("application/offset+octet-stream", st.just(PIECE))
for name, strategy in {
    "cursor": st.just(BY_DATE),
    "checksum": st.just("md5 ndTkYSaMgDT1yFZOFVxnpg=="),  # of b"x"
    "pairs": st.sampled_from(["", "filename Y2F0LnBuZw==", "title Q2F0,expires N2Q="]),
    "date": st.just("2026-11-01"),  # a period may not end before it begins
    "expiry": st.sampled_from(["1h", "7d", "2w", "never", "", "2099-01-01", "90 min"]),
    "search": st.lists(WORDS | FILTERS, max_size=5).map(" ".join).filter(lambda text: len(text) <= 200),
}.items():
    schemathesis.openapi.format(name, strategy)


@schemathesis.hook
def before_call(context, case, kwargs):
    """What one part of a request says of another: a cursor fits the order, and an image the address it goes to. Each
    comes from an address of its own, for wrong tokens are counted by address."""
    case.headers["X-Forwarded-For"] = str(next(ADDRESSES))
    query = case.query or {}
    if query.get("cursor") == BY_DATE and query.get("sort") in ("largest", "smallest"):
        query["cursor"] = BY_SIZE
    if case.operation.label == "PUT /api/uploads/{key}" and case.body in IMAGES.values():
        ending = str(case.path_parameters.get("key")).rpartition(".")[2].replace("jpg", "jpeg")
        kwargs["data"] = IMAGES.get(ending, case.body)
    if case.operation.label == "POST /api/tus" and case.body == PIECE and case.headers.get("Upload-Length") == "1":
        case.headers["Upload-Length"] = "2"  # of one that is whole the image is asked for
    if case.headers and case.headers.get("X-HTTP-Method-Override") == "PATCH":
        case.headers.setdefault("Upload-Offset", "0")
