"""The real nginx over one of the configurations in docs/, of which only addresses and paths are replaced."""

import http.client
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from tests.b2.tls import make_certificate
from tests.conftest import free_port
from tests.programs import find
from tests.worker.requests import NO_HEADERS, Answer

DOCS = Path(__file__).parent.parent / "docs"
_MAIN = """{user}daemon off;
pid {folder}/pid;
error_log {folder}/log;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  include {folder}/site.conf;
}}
"""


@dataclass
class Nginx:
    """One nginx over docs/`name`, for viewers of `host`; `replaced` maps addresses in the file to those that are here.

    It shows, and trusts alone, one certificate for all of `hosts`; `certificate` is where that is, and its key.
    """

    name: str
    host: str
    replaced: dict[str, str]
    hosts: tuple[str, ...]
    folder: Path = field(default_factory=lambda: Path(mkdtemp(prefix="nginx-")))
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.certificate = make_certificate(self.folder, names=self.hosts)
        live = f"/etc/letsencrypt/live/{self.host}"
        here = {
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            f"{live}/fullchain.pem": str(self.certificate[0]),
            f"{live}/privkey.pem": str(self.certificate[1]),
            "/etc/ssl/certs/ca-certificates.crt": str(self.certificate[0]),
            "/var/cache/nginx": str(self.folder),
            **self.replaced,
        }
        text = (DOCS / self.name).read_text()
        for old, new in here.items():
            text = text.replace(old, new)
        (self.folder / "site.conf").write_text(text)
        user = "user root;\n" if os.geteuid() == 0 else ""  # the tests' folders are their owner's alone
        (self.folder / "main.conf").write_text(_MAIN.format(user=user, folder=self.folder))

    def __enter__(self) -> Self:
        command = [find("nginx") or "nginx", "-p", str(self.folder), "-c", "main.conf", "-e", str(self.folder / "log")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return self
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
                break
        raise RuntimeError(f"nginx did not start: {self.log()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        shutil.rmtree(self.folder)

    def log(self) -> str:
        """Return what nginx has logged."""
        return (self.folder / "log").read_text()

    def connect(self, source: str = "127.0.0.1") -> ssl.SSLSocket:
        """Open a connection as a viewer at the address `source` does."""
        context = ssl.create_default_context(cafile=str(self.certificate[0]))
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=60, source_address=(source, 0))
        return context.wrap_socket(plain, server_hostname=self.host)

    def ask(
        self,
        target: str,
        headers: Mapping[str, str] = NO_HEADERS,
        method: str = "GET",
        body: bytes = b"",
        *,
        source: str = "127.0.0.1",
    ) -> Answer:
        """Send one request as it is; Host and Content-Length come from `headers`, or are what they must be."""
        headers = {"host": self.host, **headers}
        if body:
            headers.setdefault("content-length", str(len(body)))
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.sock = self.connect(source)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body or None)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
