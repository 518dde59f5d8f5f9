"""Signature Version 4 for the one request that every upload waits for: its headers, and a digest that is known already.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. botocore's signer does more, and
costs six times as much; see docs/performance.md.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

_ALGORITHM = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests to S3 in one region for one account."""

    def __init__(self, access_key_id: str, secret_access_key: str, region: str) -> None:
        self._access_key_id, self._secret, self._region = access_key_id, secret_access_key, region
        self._day, self._key = "", b""

    def sign(self, method: str, path: str, headers: Mapping[str, str], sha256: str, *, now: datetime) -> dict[str, str]:
        """Return all headers of a request that is sent with these, all of them signed.

        Their names are in small letters, `host` among them, and their values have no blanks but single ones between
        words; `path` is as it is sent, without a query; `sha256` (hex) is that of the body; `now` is in UTC.
        """
        moment = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {**headers, "x-amz-content-sha256": sha256, "x-amz-date": moment}
        names = sorted(signed)
        lines, listed = "".join(f"{name}:{signed[name]}\n" for name in names), ";".join(names)
        request = f"{method}\n{path}\n\n{lines}\n{listed}\n{sha256}"
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = _hmac(self._key_of(moment[:8]), text).hex()
        credential = f"{self._access_key_id}/{scope}"
        signed["authorization"] = f"{_ALGORITHM} Credential={credential}, SignedHeaders={listed}, Signature={signature}"
        return signed

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = f"AWS4{self._secret}".encode()
            for text in (day, self._region, "s3", "aws4_request"):
                key = _hmac(key, text)
            self._key, self._day = key, day
        return self._key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
