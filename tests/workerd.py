"""Cloudflare's runtime on this machine: the real workerd, over a Worker's own files."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

WORKER = Path(__file__).parent.parent / "worker"
_CONFIG = """using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [{modules}],
      compatibilityDate = "{date}",
      bindings = [{bindings}],
      globalOutbound = "outbound"{cache_outbound}
    )),
    (name = "outbound", {outbound}){cache}{queue}
  ],
  sockets = [(name = "http", address = "127.0.0.1:{port}", http = (), service = "main")]
);
"""
_PROXY = 'external = (address = "{address}", http = (style = proxy))'
_IMPORT = re.compile(r'\bfrom "(\.\.?/[^"]+)";$', re.MULTILINE)
_DIRECT = 'network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true{certificates}))'


def compatibility_date() -> str:
    """Return the date that wrangler.jsonc deploys with."""
    line = next(line for line in (WORKER / "wrangler.jsonc").read_text().splitlines() if "compatibility_date" in line)
    return line.split('"')[3]


def modules(sources: Path, entry: str) -> list[str]:
    """Return the files of the Worker that begins at `entry`, by their places under `sources`; `entry` is the first."""
    found = [entry]
    for name in found:
        for other in _IMPORT.findall((sources / name).read_text()):
            place = os.path.normpath(Path(name).parent / other)
            if place not in found:
                found.append(place)
    return found


def _binary() -> Path:
    """Return the program that npm has put here for this kind of machine."""
    found = list(WORKER.glob("node_modules/@cloudflare/workerd-*/bin/workerd"))
    if not found:
        raise RuntimeError("workerd is not installed: run `make test` or `make demo`, which do that")
    return found[0]


class Workerd:
    """One workerd process over the module `entry` of `sources` and all that it imports.

    `outbound` is HOST:PORT of what stands between it and the world, if something does; `cache` is HOST:PORT of what
    keeps the entries of the Cache API, without which there is no such API, and `queue` that of what takes what is sent
    to the queue EVENTS, without which there is no such binding.
    """

    def __init__(
        self,
        bindings: dict[str, str],
        *,
        sources: Path = WORKER,
        entry: str = "src/index.js",
        port: int = 0,
        outbound: str | None = None,
        cache: str | None = None,
        queue: str | None = None,
        ca_bundle: Path | None = None,
    ) -> None:
        self._folder = Path(mkdtemp(prefix="workerd-"))
        names = modules(sources, entry)
        for name in names:
            copy = self._folder / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(sources / name, copy)
        certificates = ""
        if ca_bundle:
            certificates = f", trustedCertificates = [{json.dumps(ca_bundle.read_text())}]"
        direct = _DIRECT.format(certificates=certificates)
        bound = [f"(name = {json.dumps(name)}, text = {json.dumps(value)})" for name, value in bindings.items()]
        if queue:
            bound.append('(name = "EVENTS", queue = "queue")')
        config = _CONFIG.format(
            modules=", ".join(f'(name = "{name}", esModule = embed "{name}")' for name in names),
            bindings=", ".join(bound),
            outbound=_PROXY.format(address=outbound) if outbound else direct,
            cache_outbound=', cacheApiOutbound = "cache"' if cache else "",
            cache=f', (name = "cache", {_PROXY.format(address=cache)})' if cache else "",
            queue=f', (name = "queue", external = (address = "{queue}", http = ()))' if queue else "",
            date=compatibility_date(),
            port=port,
        )
        (self._folder / "config.capnp").write_text(config)
        self.port = port

    def start(self) -> Self:
        """Start it and wait until it listens; raise RuntimeError with what it said if it does not."""
        log = self._folder / "log"
        read, write = os.pipe()
        command = [str(_binary()), "serve", f"--control-fd={write}", str(self._folder / "config.capnp")]
        with log.open("w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file, pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as control:
            line = control.readline()
        if not line:
            raise RuntimeError(f"workerd did not start: {log.read_text()[-2000:]}")
        self.port = json.loads(line)["port"]
        return self

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self._folder)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """Return what the Worker has logged."""
        return (self._folder / "log").read_text()

    def memory_kib(self) -> int:
        """Return the resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    __enter__ = start

    def __exit__(self, *_: object) -> None:
        self.stop()
