"""Which server the command line talks to: named ones in config.toml, or the one that the environment tells."""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from ..errors import SettingsError
from ..tokens import is_token
from . import keychain

URL, TOKEN = "BOWERBIRD_URL", "BOWERBIRD_TOKEN"
DEFAULT = "default"
UPLOAD_PATH = "/api/upload"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1|.*\.localhost")


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, without a slash at the end, and the token for it."""

    url: str
    token: str = field(repr=False)

    @property
    def is_readable_on_the_way(self) -> bool:
        """Whether the token crosses a network as plain text."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname or "")


@dataclass(frozen=True, slots=True)
class Profile:
    """One named server of the file; `token` only where it is in no keyring."""

    name: str
    url: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """What is in the file: the profiles by name, and which one is taken where none is named."""

    profiles: Mapping[str, Profile]
    default: str | None = None


def choose(name: str | None, environ: Mapping[str, str]) -> Server:
    """Return the server of the profile `name`; where none is named, that of the environment, then the default profile.

    A token goes to the address it was saved for and to no other: with BOWERBIRD_URL alone it is the token of the
    profile that has this address. Raises SettingsError where an address or a token is missing.
    """
    config = load()
    url, token = ("", "") if name else (environ.get(URL, ""), environ.get(TOKEN, "").strip())
    if url:
        url = address(url)
        profile = next((one for one in config.profiles.values() if one.url == url), None)
    else:
        profile = _named(config, name)
        url = profile.url
    token = token or (_token(profile) if profile else "")
    if not token:
        raise SettingsError([f"there is no token for {url}: set {TOKEN}, or: bowerbird login {url}"])
    return Server(url, checked_token(token))


def address(text: str) -> str:
    """Return the address of a server as it is kept; raise SettingsError if it is none.

    >>> address("up.example.com/"), address("http://127.0.0.1:8080/api/upload")
    ('https://up.example.com', 'http://127.0.0.1:8080')
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        is_address = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        is_address = False
    if not is_address or not text.isascii() or re.search(r"[\s@?#\\\x00-\x1f\x7f]", text):
        raise SettingsError([f"{text[:80]!r} is no address of a server; give one such as https://up.example.com"])
    path = parts.path.rstrip("/").removesuffix(UPLOAD_PATH).removesuffix("/api")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def checked_token(token: str) -> str:
    """Return a token that can be one; raise SettingsError, without the token, for anything else."""
    if not is_token(token):
        raise SettingsError(["that is no token of Bowerbird: one has 16 letters, digits, _, - and . or more"])
    return token


def path() -> Path:
    """Return where the file is, or would be."""
    return platformdirs.user_config_path("bowerbird", appauthor=False) / "config.toml"


def load() -> Config:
    """Return what is in the file, nothing if there is none; raise SettingsError if it cannot be read."""
    try:
        read = tomllib.loads(path().read_text(encoding="utf-8"))
        servers = read.get("servers", {}).items()
        profiles = {name: Profile(name, address(one["url"]), one.get("token")) for name, one in servers}
    except FileNotFoundError:
        return Config({})
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError([f"cannot read {path()}: {getattr(e, 'strerror', None) or 'it is not UTF-8'}"]) from e
    except tomllib.TOMLDecodeError as e:
        raise SettingsError([f"{path()} is no TOML: {e}"]) from e
    except (KeyError, TypeError, AttributeError) as e:
        raise SettingsError([f"{path()} is not as `bowerbird login` writes it: a server has a url"]) from e
    return Config(profiles, read.get("default"))


def save(name: str, url: str, token: str) -> str | None:
    """Keep a server under `name`; the first one is the default. Return the keyring that took the token, or None: then
    it is in the file, which only its owner can read. Raises SettingsError."""
    if not _NAME.fullmatch(name):
        raise SettingsError([f"{name[:60]!r} is no name of a profile; letters, digits, - and _ are taken, at most 40"])
    config = load()
    keyring = keychain.keep(_account(name, url), token)
    if (old := config.profiles.get(name)) and old.url != url:
        keychain.forget(_account(name, old.url))
    profile = Profile(name, url, None if keyring else token)
    _write(Config({**config.profiles, name: profile}, config.default or name))
    return keyring


def forget(name: str | None) -> Profile:
    """Take a server and its token out of the file and the keyring; raise SettingsError if there is none."""
    config = load()
    profile = _named(config, name)
    keychain.forget(_account(profile.name, profile.url))
    left = {key: one for key, one in config.profiles.items() if key != profile.name}
    _write(Config(left, config.default if config.default in left else next(iter(left), None)))
    return profile


def is_open_to_others() -> bool:
    """Whether the file holds a token and others on this machine can read it."""
    has_token = any(profile.token for profile in load().profiles.values())
    return has_token and os.name == "posix" and bool(path().stat().st_mode & 0o077)


def _named(config: Config, name: str | None) -> Profile:
    wanted = name or config.default or DEFAULT
    if (profile := config.profiles.get(wanted)) is None:
        known = f"; there are: {', '.join(config.profiles)}" if config.profiles else ""
        what = f"there is no profile {wanted[:60]!r}{known}" if name or known else "no server is known"
        raise SettingsError([f"{what}; to add one: bowerbird login URL"])
    return profile


def _token(profile: Profile) -> str:
    return profile.token or keychain.find(_account(profile.name, profile.url)) or ""


def _account(name: str, url: str) -> str:
    return f"{name} {url}"


def _write(config: Config) -> None:
    lines = ["# Written by `bowerbird login` and `bowerbird logout`."]
    if config.default:
        lines.append(f"default = {json.dumps(config.default)}")
    for profile in config.profiles.values():
        lines += ["", f"[servers.{profile.name}]", f"url = {json.dumps(profile.url)}"]
        if profile.token:
            lines.append(f"token = {json.dumps(profile.token)}")
    target, temporary = path(), None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".config.", dir=target.parent)  # made with mode 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
    except OSError as e:
        raise SettingsError([f"cannot write {target}: {e.strerror}"]) from e
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
