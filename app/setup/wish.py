"""What is asked for, and what the settings file has to hold for it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import settings_file
from ..edge.account import Account, KeyPair
from ..edge.plan import CHANGE, CREATE, Step
from ..edge.rules import Site
from ..edge.zone import Zone
from ..errors import SetupError
from ..settings import PREFIX

FILE = "settings file"
_SECRETS = ("CLOUDFLARE_API_TOKEN", "WEBHOOK_SECRET")


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `site.friendly_host` is B2's own; `proxy_host` is "" without a signing proxy; `base_url` is ""
    where it is not told; `given` is a pair made by hand; `app_token` is the token for the app itself: where there is
    none, here or in the file, it gets `token`, that of the set-up.
    """

    site: Site
    settings: Path
    proxy_host: str = ""
    base_url: str = ""
    given: KeyPair | None = None
    app_token: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    make_public: bool = False


class AppSettings:
    """The settings of the app as they are in the file, and as they have to be. Reads the file once.

    `kept` is the pair of B2 in it, `client` the app's own pair at the signing proxy (new if there is none), `given` the
    pair made by hand, if it is not the one in the file.
    Raises SetupError if the file points the app to somebody else's endpoint.
    """

    def __init__(self, wish: Wish, account: Account, zone: Zone) -> None:
        self._wish, self._zone, self._region = wish, zone, account.region
        self.path = wish.settings
        self._old = settings_file.read(wish.settings)
        self.endpoint = f"https://{wish.proxy_host}" if wish.proxy_host else account.endpoint
        found, pair = self._value("S3_ENDPOINT"), self._pair()
        if found not in ("", account.endpoint, self.endpoint):
            raise SetupError(
                f"{self.path} names the endpoint {found}, which is not B2's: if it is the signing proxy, add"
                f" --worker {urlsplit(found).hostname}; to go to B2 itself, take the line out"
            )
        is_client = bool(wish.proxy_host) and found == self.endpoint
        self.kept = None if is_client else pair
        self.given = wish.given if wish.given != pair else None
        self.base_url = wish.base_url or self._value("BASE_URL")
        self.webhook_secret = self._value("WEBHOOK_SECRET")
        self.client: KeyPair | None = None
        if wish.proxy_host:
            is_known = is_client and pair is not None
            self.client = pair if is_known else KeyPair(f"app-{secrets.token_hex(6)}", secrets.token_hex(20))
            self.webhook_secret = self.webhook_secret or (secrets.token_urlsafe(32) if self.base_url else "")

    def pair_steps(self, main: KeyPair | None) -> list[Step]:
        """Return the step that puts the app's pair into the file, if it is not there. `main` is B2's, None if new."""
        pair = self.client or main
        if pair and pair == self._pair() and self._value("S3_ENDPOINT") == self.endpoint:
            return []
        shown = {name: "(secret)" if "SECRET" in name else value for name, value in self._pair_values(pair).items()}
        return [Step(self._deed(), FILE, f"{self.path}: the key", after=shown)]

    def write_pair(self, main: KeyPair) -> None:
        settings_file.write(self.path, self._pair_values(self.client or main))

    def steps(self, *, is_made: bool) -> list[Step]:
        """Return the step that brings all else in the file up to date, and its mode to 600. `is_made` is whether the
        file is there by then.
        """
        changed = {name: value for name, value in self._values().items() if self._old.get(name) != value}
        is_open = self.path.exists() and self.path.stat().st_mode & 0o777 != 0o600
        if not changed and not is_open:
            return []
        hidden = {f"{PREFIX}{name}" for name in _SECRETS}
        shown = {name: "(secret)" if name in hidden else value for name, value in changed.items()}
        deed = CHANGE if is_made else self._deed()
        return [Step(deed, FILE, str(self.path), after=shown or {"mode": "600"})]

    def write(self) -> None:
        settings_file.write(self.path, self._values())

    def _deed(self) -> str:
        return CHANGE if self.path.exists() else CREATE

    def _pair_values(self, pair: KeyPair | None) -> dict[str, str]:
        told = {"S3_ENDPOINT": self.endpoint, "S3_ACCESS_KEY_ID": pair.id if pair else "(the new key's)"}
        return _prefixed({**told, "S3_SECRET_ACCESS_KEY": pair.secret if pair else ""})

    def _values(self) -> dict[str, str]:
        site = self._wish.site
        values = {
            "STORE": "s3",
            "S3_REGION": self._region,
            "S3_BUCKET": site.bucket,
            "PUBLIC_URL": f"https://{site.image_host}",
            "BASE_URL": self._wish.base_url,
            "CLOUDFLARE_ZONE_ID": self._zone.id,
            "CLOUDFLARE_API_TOKEN": self._wish.app_token or self._value("CLOUDFLARE_API_TOKEN") or self._wish.token,
            "WEBHOOK_SECRET": self.webhook_secret,
        }
        return _prefixed({name: value for name, value in values.items() if value})

    def _pair(self) -> KeyPair | None:
        key_id, secret = self._value("S3_ACCESS_KEY_ID"), self._value("S3_SECRET_ACCESS_KEY")
        return KeyPair(key_id, secret) if key_id and secret else None

    def _value(self, name: str) -> str:
        return self._old.get(f"{PREFIX}{name}", "")


def _prefixed(values: Mapping[str, Any]) -> dict[str, str]:
    return {f"{PREFIX}{name}": str(value) for name, value in values.items()}
