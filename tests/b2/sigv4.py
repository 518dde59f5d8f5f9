"""Whether a request is signed as B2 wants it: botocore is the judge, over the raw path and query."""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .errors import Refusal, mismatch, unauthenticated

ALL = frozenset(
    {"listAllBucketNames", "listBuckets", "listFiles", "readFiles", "writeFiles", "deleteFiles", "writeBuckets"}
)
_HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})")
_SKEW = timedelta(minutes=15)
_SIGV2 = ("Signature", "AWSAccessKeyId")


@dataclass(frozen=True)
class Key:
    """An application key, perhaps restricted to a bucket, a prefix and some capabilities; a master key is refused."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    bucket: str | None = None
    prefix: str = ""
    capabilities: frozenset[str] = ALL
    is_master: bool = False


@dataclass(frozen=True)
class _Signed:
    credential: list[str]
    names: list[str]
    signature: str
    amz_date: str
    expires_s: int | None
    query: str


def verify(
    method: str,
    target: str,
    headers: Mapping[str, str],
    keys: Mapping[str, Key],
    region: str,
    clock: Callable[[], float],
) -> Key:
    """Return the key that signed the request; raise Refusal as B2 does. `headers` have lower-case names."""
    path, _, query = target.partition("?")
    signed = _from_query(query) if "X-Amz-Signature" in names_in(query) else _from_header(headers, query)
    if len(signed.credential) != 5:
        raise mismatch()
    access_key_id, date, scope_region, service, end = signed.credential
    key = keys.get(access_key_id)
    if key is None or key.is_master:
        raise Refusal(403, "InvalidAccessKeyId", "The key is not valid")
    if (scope_region, service, end) != (region, "s3", "aws4_request") or date != signed.amz_date[:8]:
        raise mismatch()
    _check_time(signed, clock)
    for name in signed.names:
        if name not in headers:
            raise Refusal(400, "InvalidRequest", f"header '{name}' is listed in signed headers, but is not present")
    for name in headers:
        if name.startswith("x-amz-") and name not in signed.names:
            raise Refusal(403, "AccessDenied", f"header '{name}' is present, but not signed")
    if "host" not in signed.names:
        raise mismatch()
    expected = _expected(method, path, signed, headers, key, region)
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise mismatch()
    return key


def names_in(query: str) -> set[str]:
    """Return the names of the parameters of a raw query."""
    return {part.partition("=")[0] for part in query.split("&")}


def is_anonymous(headers: Mapping[str, str], query: str) -> bool:
    """Whether a request does not even claim to be signed, in this version of signatures or an older one."""
    return "authorization" not in headers and not names_in(query) & {"X-Amz-Signature", *_SIGV2}


def _from_header(headers: Mapping[str, str], query: str) -> _Signed:
    match = _HEADER.fullmatch(headers.get("authorization", ""))
    if not match or "x-amz-date" not in headers or "x-amz-content-sha256" not in headers:
        raise unauthenticated()
    credential, names, signature = match.groups()
    return _Signed(credential.split("/"), names.split(";"), signature, headers["x-amz-date"], None, query)


def _from_query(query: str) -> _Signed:
    values = {name: unquote(value) for name, _, value in (part.partition("=") for part in query.split("&"))}
    if values.get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256":
        raise Refusal(400, "AuthorizationQueryParametersError", "X-Amz-Algorithm only supports AWS4-HMAC-SHA256")
    rest = "&".join(part for part in query.split("&") if not part.startswith("X-Amz-Signature="))
    expires = values.get("X-Amz-Expires", "")
    if not expires.isdigit() or not 0 < int(expires) <= 604800:
        raise Refusal(400, "AuthorizationQueryParametersError", "X-Amz-Expires must be between 1 and 604800 seconds")
    return _Signed(
        values.get("X-Amz-Credential", "").split("/"),
        values.get("X-Amz-SignedHeaders", "").split(";"),
        values["X-Amz-Signature"],
        values.get("X-Amz-Date", ""),
        int(expires),
        rest,
    )


def _check_time(signed: _Signed, clock: Callable[[], float]) -> None:
    try:
        at = datetime.strptime(signed.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise mismatch() from None
    age = datetime.fromtimestamp(clock(), UTC) - at
    if signed.expires_s and age > timedelta(seconds=signed.expires_s):
        raise Refusal(403, "AccessDenied", "Request has expired")
    if age < -_SKEW or (age > _SKEW and not signed.expires_s):
        raise Refusal(
            403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large"
        )


def _expected(method: str, path: str, signed: _Signed, headers: Mapping[str, str], key: Key, region: str) -> str:
    """Return the signature that botocore gives to this request, with the signed headers alone."""
    kind = S3SigV4Auth if signed.expires_s is None else S3SigV4QueryAuth
    auth = kind(Credentials(key.access_key_id, key.secret_access_key), "s3", region)
    url = f"https://{headers['host']}{path}" + (f"?{signed.query}" if signed.query else "")
    request = AWSRequest(method, url, headers={name: headers[name] for name in signed.names})
    request.context["timestamp"] = signed.amz_date
    # botocore would leave out some headers that a client may well have signed, such as user-agent.
    auth.headers_to_sign = lambda request: request.headers
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))
