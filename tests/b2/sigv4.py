"""Whether a request is signed as B2 wants it: botocore is the judge, over the raw path and query."""

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .errors import Refusal

ALL = frozenset(
    {"listAllBucketNames", "listBuckets", "listFiles", "readFiles", "writeFiles", "deleteFiles", "writeBuckets"}
)
_HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]{64})")
_SKEW = timedelta(minutes=15)
_MISMATCH = Refusal(403, "SignatureDoesNotMatch", "Signature validation failed")
_NO_AUTHORIZATION = Refusal(403, "AccessDenied", "Unauthenticated requests are not allowed for this api")


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
    url = urlsplit(target)
    signed = _from_query(url.query) if "X-Amz-Signature=" in url.query else _from_header(headers, url.query)
    access_key_id, date, scope_region, service, end = (signed.credential + [""] * 5)[:5]
    key = keys.get(access_key_id)
    if key is None or key.is_master:
        raise Refusal(403, "InvalidAccessKeyId", "The key is not valid")
    if (scope_region, service, end) != (region, "s3", "aws4_request") or date != signed.amz_date[:8]:
        raise _MISMATCH
    _check_time(signed, clock)
    for name in signed.names:
        if name not in headers:
            raise Refusal(400, "InvalidRequest", f"header '{name}' is listed in signed headers, but is not present")
    for name in headers:
        if name.startswith("x-amz-") and name not in signed.names:
            raise Refusal(403, "AccessDenied", f"header '{name}' is present, but not signed")
    if "host" not in signed.names:
        raise _MISMATCH
    if not hmac.compare_digest(_expected(method, url.path, signed, headers, key, region), signed.signature):
        raise _MISMATCH
    return key


def _from_header(headers: Mapping[str, str], query: str) -> _Signed:
    match = _HEADER.fullmatch(headers.get("authorization", ""))
    if not match or "x-amz-date" not in headers or "x-amz-content-sha256" not in headers:
        raise _NO_AUTHORIZATION
    credential, names, signature = match.groups()
    return _Signed(credential.split("/"), names.split(";"), signature, headers["x-amz-date"], None, query)


def _from_query(query: str) -> _Signed:
    values = {name: unquote(value) for name, _, value in (part.partition("=") for part in query.split("&"))}
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
        raise _MISMATCH from None
    age = datetime.fromtimestamp(clock(), UTC) - at
    if signed.expires_s and age > timedelta(seconds=signed.expires_s):
        raise Refusal(403, "AccessDenied", "Request has expired")
    if age < -_SKEW or (age > _SKEW and not signed.expires_s):
        raise Refusal(
            403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large"
        )


def _expected(method: str, path: str, signed: _Signed, headers: Mapping[str, str], key: Key, region: str) -> str:
    given = {name: headers[name] for name in signed.names}
    payload_hash = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    auth = S3SigV4Auth(Credentials(key.access_key_id, key.secret_access_key), "s3", region)
    url = f"https://{headers['host']}{path}" + (f"?{signed.query}" if signed.query else "")
    request = AWSRequest(method, url, headers=given | {"x-amz-content-sha256": payload_hash})
    request.context["timestamp"] = signed.amz_date
    canonical = auth.canonical_request(request).split("\n")
    # botocore signs every header there is: what is judged are those that the client has named.
    if "x-amz-content-sha256" not in given:
        at = next(i for i, line in enumerate(canonical) if line.startswith("x-amz-content-sha256:"))
        del canonical[at]
        canonical[-2] = ";".join(signed.names)
    return str(auth.signature(auth.string_to_sign(request, "\n".join(canonical)), request))
