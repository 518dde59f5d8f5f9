"""Making the edge forget: Cloudflare's cache is purged of what was deleted.

Source: https://developers.cloudflare.com/cache/how-to/purge-cache/
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from ..errors import EdgeMisconfigured, EdgeUnavailable
from ..keys import thumbnail_key
from ..settings import Settings

_AT_ONCE = 30  # what one call takes on every plan
_TIMEOUT = urllib3.Timeout(connect=3, read=5)  # somebody may wait for the answer to a deletion
_LONGEST_WAIT_S = 300


class Purge:
    """The cache of one image domain."""

    def __init__(self, settings: Settings, pool: urllib3.PoolManager | None = None) -> None:
        self._url = f"{settings.cloudflare_api_url}/zones/{settings.cloudflare_zone_id}/purge_cache"
        self._token = settings.cloudflare_api_token.get_secret_value()
        self._public_url = settings.public_url
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(settings.base_url))
        self._pool = pool or urllib3.PoolManager(retries=False, timeout=_TIMEOUT)

    def forget(self, keys: Sequence[str]) -> None:
        """Return once the edge has been told to forget the objects `keys` and their thumbnails, in all variants.

        First the addresses themselves, which is quick on every plan; then whatever was kept under the same path for
        another Origin or another query, which a free plan may ask for five times a minute.
        Raises EdgeUnavailable, with the wait that Cloudflare asks for, or EdgeMisconfigured; then some of it, or all,
        is still to be done.
        """
        urls = [f"{self._public_url}/{quote(one)}" for key in keys for one in (key, thumbnail_key(key))]
        # All as objects: as published, one call takes addresses as texts or as objects, not both.
        files = [{"url": url, **more} for url in urls for more in ({}, {"headers": {"Origin": self._origin}})]
        prefixes = [url.partition("://")[2] for url in urls]
        for call in (*_calls("files", files), *_calls("prefixes", prefixes)):
            self._send(call)

    def _send(self, call: dict[str, Any]) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            answer = self._pool.request("POST", self._url, body=json.dumps(call), headers=headers)
        except urllib3.exceptions.HTTPError as e:
            raise EdgeUnavailable("Cloudflare's API does not answer") from e
        if answer.status == 429 or answer.status >= 500:
            raise EdgeUnavailable(f"Cloudflare's API answered {answer.status}", _wait_s(answer))
        if answer.status != 200 or not _is_success(answer.data):
            raise EdgeMisconfigured(
                f"Cloudflare refuses to purge ({answer.status} {_why(answer.data)}): check the token, it needs"
                " Zone > Cache Purge > Purge, and the zone id"
            )


def open_purge(settings: Settings) -> Purge | None:
    """Return what purges the edge of these settings, or None where nobody may."""
    return Purge(settings) if settings.cloudflare_zone_id else None


def _calls(name: str, what: Sequence[Any]) -> Iterator[dict[str, Any]]:
    return ({name: what[at : at + _AT_ONCE]} for at in range(0, len(what), _AT_ONCE))


def _wait_s(answer: urllib3.BaseHTTPResponse) -> int:
    text = answer.headers.get("Retry-After", "")
    return min(int(text), _LONGEST_WAIT_S) if text.isdigit() else EdgeUnavailable.retry_after_s


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_success(body: bytes) -> bool:
    return _parsed(body).get("success") is True


def _why(body: bytes) -> str:
    """Return Cloudflare's own words, short."""
    errors = _parsed(body).get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return f"{first.get('code', '')} {str(first.get('message', 'no reason'))[:80]}".strip()
