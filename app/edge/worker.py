"""The two Workers as Cloudflare gets them: their modules, and their variables beside what others gave them."""

import hashlib
import hmac
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SetupError

PROXY, READER = "bowerbird-signing-proxy", "bowerbird-read-worker"  # as their wrangler.jsonc have it
ENTRIES = {PROXY: "src/index.js", READER: "read/src/index.js"}
COMPATIBILITY_DATE = "2026-11-15"  # that of worker/wrangler.jsonc
CODE = "BOWERBIRD_CODE"  # what tells the code that runs there, and that it was put there by the set-up
CLIENT, WEBHOOK = "BOWERBIRD_CLIENT", "BOWERBIRD_WEBHOOK"  # what tells a secret from the one before it
_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^"';]*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE)

Bindings = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Worker:
    """A Worker as it has to be: `modules` by name, `plain` variables, `secrets` (None: as it is there)."""

    name: str
    modules: Mapping[str, bytes]
    plain: Mapping[str, str]
    secrets: Mapping[str, str | None]

    def is_current(self, there: Bindings) -> bool:
        """Return whether nothing has to be uploaded: the same code, the same variables, every secret there."""
        plain = {one["name"]: one.get("text") for one in there if one["type"] == "plain_text"}
        named = {one["name"] for one in there if one["type"] == "secret_text"}
        return set(self.secrets) <= named and {**plain, **self._all_plain()} == plain

    def metadata(self, there: Bindings) -> dict[str, Any]:
        """Return what goes with the upload. What others bound to the Worker `there` stays, and so does a secret that
        is None.
        """
        set_here = {name: value for name, value in self.secrets.items() if value is not None}
        bindings = [{"type": "plain_text", "name": name, "text": text} for name, text in self._all_plain().items()]
        bindings += [{"type": "secret_text", "name": name, "text": text} for name, text in set_here.items()]
        return {
            "main_module": ENTRIES[self.name],
            "compatibility_date": COMPATIBILITY_DATE,
            "bindings": bindings,
            "keep_bindings": sorted({one["type"] for one in there}),
            "observability": {"enabled": True},
        }

    def _all_plain(self) -> dict[str, str]:
        whole = hashlib.sha256(COMPATIBILITY_DATE.encode())
        for name, code in sorted(self.modules.items()):
            whole.update(f"\0{name}\0{len(code)}\0".encode() + code)
        return {**self.plain, CODE: whole.hexdigest()[:32]}


def modules(root: Path, name: str) -> dict[str, bytes]:
    """Return the modules of a Worker by their names below `root`: its entry, and what that imports, and so on.

    Raises SetupError if one of them is not there.
    """
    found: dict[str, bytes] = {}
    wanted = [ENTRIES[name]]
    while wanted:
        module = wanted.pop()
        if module in found:
            continue
        try:
            found[module] = (root / module).read_bytes()
        except OSError as e:
            raise SetupError(f"the Worker {name} cannot be uploaded: {module} is not there") from e
        here = posixpath.dirname(module)
        wanted += [posixpath.normpath(posixpath.join(here, other)) for other in _IMPORT.findall(found[module].decode())]
    return found


def bound(there: Bindings, name: str) -> str:
    """Return the text of a plain variable, or "" if there is none."""
    return next((str(one.get("text", "")) for one in there if (one["name"], one["type"]) == (name, "plain_text")), "")


def check_ours(name: str, there: Bindings) -> None:
    """Raise SetupError for a Worker of our name that the set-up did not make: its secrets are nowhere else."""
    if not bound(there, CODE):
        raise SetupError(
            f"a Worker {name} is there that was not put there by this command:"
            " delete it at Cloudflare, or leave it and set up by hand (docs/signing-proxy.md)"
        )


def client_mark(access_key_id: str, secret_access_key: str, bucket: str) -> str:
    """Return what changes with the app's pair or its bucket, and gives away none of it."""
    return _mark(secret_access_key, f"{access_key_id}\0{bucket}")


def webhook_mark(secret_access_key: str, webhook_secret: str) -> str:
    """Return what changes with the webhook's secret, and gives it away to nobody who lacks the app's own."""
    return _mark(secret_access_key, webhook_secret)


def _mark(secret: str, text: str) -> str:
    return hmac.digest(secret.encode(), text.encode(), "sha256").hex()[:32]
