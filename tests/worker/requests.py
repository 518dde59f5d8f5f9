"""Signed requests, byte for byte as a test wants them: botocore signs, http.client sends."""

import hashlib
import http.client
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from urllib.parse import urlencode
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REGION = "us-west-004"
BUCKET = "bowerbird-demo"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Pair:
    """A client's key pair."""

    access_key_id: str = "demo-key-id"
    secret_access_key: str = "demo-secret-access-key"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The S3 error code; empty where there is none."""
        return ElementTree.fromstring(self.body).findtext("Code", "") if self.body.startswith(b"<?xml") else ""


@dataclass
class Signer:
    """Signs as an S3 client does; each field may be made wrong."""

    pair: Pair = field(default_factory=Pair)
    region: str = REGION
    service: str = "s3"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def amz_date(self) -> str:
        return self.now.strftime("%Y%m%dT%H%M%SZ")

    @property
    def scope(self) -> str:
        return f"{self.amz_date[:8]}/{self.region}/{self.service}/aws4_request"

    def header(
        self, method: str, host: str, target: str, headers: Mapping[str, str], payload_hash: str
    ) -> dict[str, str]:
        """Return `headers` and those that sign all of them."""
        signed = {"host": host, "x-amz-content-sha256": payload_hash, "x-amz-date": self.amz_date, **headers}
        auth, request = self._auth(method, f"http://{host}{target}", signed)
        to_sign = auth.string_to_sign(request, auth.canonical_request(request))
        signature = auth.signature(to_sign, request)
        names = ";".join(sorted(name.lower() for name in signed))
        credential = f"{self.pair.access_key_id}/{self.scope}"
        value = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        return {**signed, "authorization": value}

    def query(
        self,
        method: str,
        host: str,
        path: str,
        *,
        expires_s: int = 900,
        headers: Mapping[str, str] = NO_HEADERS,
        more: str = "",
    ) -> str:
        """Return a presigned target."""
        signed = {"host": host, **dict(headers)}
        parameters = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{self.pair.access_key_id}/{self.scope}",
            "X-Amz-Date": self.amz_date,
            "X-Amz-Expires": str(expires_s),
            "X-Amz-SignedHeaders": ";".join(sorted(signed)),
        }
        target = f"{path}?{urlencode(parameters)}{more}"
        auth, request = self._auth(method, f"http://{host}{target}", {**signed, "x-amz-content-sha256": ""})
        del request.headers["x-amz-content-sha256"]
        canonical = auth.canonical_request(request).rsplit("\n", 1)[0] + "\nUNSIGNED-PAYLOAD"
        return f"{target}&X-Amz-Signature={auth.signature(auth.string_to_sign(request, canonical), request)}"

    def _auth(self, method: str, url: str, headers: Mapping[str, str]) -> tuple[S3SigV4Auth, AWSRequest]:
        credentials = Credentials(self.pair.access_key_id, self.pair.secret_access_key)
        auth = S3SigV4Auth(credentials, self.service, self.region)
        request = AWSRequest(method, url, headers=dict(headers))
        request.context["timestamp"] = self.amz_date
        return auth, request

    def earlier(self, **by: int) -> "Signer":
        """Return the same signer with another clock."""
        return Signer(self.pair, self.region, self.service, self.now - timedelta(**by))


@dataclass
class Endpoint:
    """Where requests go: 127.0.0.1 and a port."""

    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def send(
        self, method: str, target: str, headers: Mapping[str, str] = NO_HEADERS, body: bytes | Iterable[bytes] = b""
    ) -> Answer:
        """Send it as it is; Host and Content-Length come from `headers`, or are what they must be."""
        headers = dict(headers)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            names = {name.lower() for name in headers}
            if "host" not in names:
                headers["host"] = self.host
            if (
                not names & {"content-length", "transfer-encoding"}
                and isinstance(body, bytes)
                and method in ("PUT", "POST")
            ):
                headers["content-length"] = str(len(body))
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            for piece in [body] if isinstance(body, bytes) else body:
                connection.send(piece)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def raw(self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Answer:
        """Send it byte for byte, in UTF-8, over a socket: nothing is added, left out or put in order."""
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as sock:
            sock.sendall("\r\n".join(lines).encode() + body)
            response = http.client.HTTPResponse(sock, method=method)
            response.begin()
            return Answer(response.status, response.headers, response.read())

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        signer: Signer | None = None,
        payload_hash: str | None = None,
        unsigned: Mapping[str, str] = NO_HEADERS,
    ) -> Answer:
        """Sign and send it; `unsigned` headers are added afterwards."""
        payload_hash = payload_hash or hashlib.sha256(body).hexdigest()
        made = (signer or Signer()).header(method, self.host, target, dict(headers), payload_hash)
        return self.send(method, target, {**made, **dict(unsigned)}, body)
