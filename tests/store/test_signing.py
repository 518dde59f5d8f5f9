"""Our signature is the one that botocore's signer makes."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from app.store.s3_signing import Signer

NOW = datetime(2026, 11, 25, 23, 59, 59, tzinfo=UTC)
SIGNER = Signer("key-id", "secret/+key", "us-west-004")
VALUE = st.from_regex(r"[!-~]{1,20}( [!-~]{1,20}){0,2}", fullmatch=True)


class _Digested(S3SigV4Auth):
    def payload(self, request):
        return request.context["sha256"]


def botocores(path, headers, sha256, now):
    request = AWSRequest("PUT", f"https://host{path}", headers=headers)
    request.context["sha256"] = sha256
    with patch("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: now.replace(tzinfo=None)):
        _Digested(Credentials("key-id", "secret/+key"), "s3", "us-west-004").add_auth(request)
    return dict(request.headers)


@given(
    st.text(min_size=1, max_size=30),
    st.dictionaries(st.from_regex(r"x-[a-z][a-z-]{0,10}", fullmatch=True), VALUE, max_size=3),
    VALUE,
    st.integers(0, 3).map(lambda days: NOW + timedelta(days=days)),
)
def test_what_we_sign_has_botocores_signature(key, more, content_type, now):
    path, sha256 = f"/pics/{quote(key, safe='/~')}", "a" * 64
    headers = {"host": "host", "content-type": content_type, "cache-control": "public, max-age=1", **more}

    ours = SIGNER.sign("PUT", path, headers, sha256, now=now)
    theirs = botocores(path, headers, sha256, now)

    assert ours["authorization"] == theirs["Authorization"]
    assert (ours["x-amz-date"], ours["x-amz-content-sha256"]) == (theirs["X-Amz-Date"], sha256)
    assert headers.items() <= ours.items()
