"""What a setting may be: the checked types that settings.py is made of."""

import re
from datetime import timedelta
from importlib.util import find_spec
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr, ValidationInfo
from pydantic_settings import NoDecode

from .amounts import size
from .errors import BadRequest
from .networks import Trusted
from .tokens import is_token

PREFIX = "BOWERBIRD_"
MIB = 1024 * 1024
MAX_PROXIES = 8


def _bytes(value: Any) -> Any:
    """Read `100MB` (or MiB: both are 1,048,576 bytes) as a number of bytes."""
    try:
        return size(str(value))
    except BadRequest as e:
        raise ValueError("give a number of bytes, such as 104857600 or 100MB") from e


def _span(value: Any) -> Any:
    """Read `12h` or `1d` as a span of time."""
    found = re.fullmatch(r"([0-9]{1,4})\s*(h|d|w)", str(value).strip().lower())
    if not found or not int(found[1]):
        raise ValueError("give a span such as 12h, 1d or 1w")
    return int(found[1]) * {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}[found[2]]


def _origin(url: str) -> str:
    """Check the address of a site and return it without the last slash."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii() or parts.username:
        raise ValueError("give an address such as https://i.example.com")
    if not re.fullmatch(r"[A-Za-z0-9._~:/\[\]-]+", url):  # the rest is syntax in one client's file or another
        raise ValueError("give an address without a query, a fragment or special characters")
    return url.rstrip("/")


def _bind(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("give HOST:PORT, such as 127.0.0.1:8080")
    return value


def _rate(value: str) -> str:
    from limits import parse  # noqa: PLC0415 it imports all of its storages, and most settings name no rate

    try:
        parse(value)
    except ValueError as e:
        raise ValueError("give a rate such as 1000/hour") from e
    return value


def scheme(*schemes: str) -> AfterValidator:
    """Check that a secret address, where there is one, has one of these schemes."""

    def check(value: SecretStr) -> SecretStr:
        if (url := value.get_secret_value()) and not url.startswith(schemes):
            raise ValueError(f"give an address that begins with {' or '.join(schemes)}")
        return value

    return AfterValidator(check)


def _whole(value: SecretStr) -> SecretStr:
    """Check that a secret address can be taken apart: a library would name what of a password it took for a port."""
    try:
        urlsplit(value.get_secret_value()).port  # noqa: B018 it is read for what it raises
    except ValueError:
        raise ValueError("this is no address; in a password write / as %2F, @ as %40, : as %3A") from None
    return value


def _bootstrap(value: SecretStr) -> SecretStr:
    if not is_token(value.get_secret_value()):
        raise ValueError("give 16 to 200 letters, digits, '_', '-' or '.'")
    return value


def _long_if_any(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < 16:
        raise ValueError("give at least 16 characters")
    return value


def _secret_key(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 32:
        raise ValueError("give at least 32 characters")
    return value


def _zone_id(value: str, context: ValidationInfo) -> str:
    token = context.data.get("cloudflare_api_token")
    if bool(value) != bool(token and token.get_secret_value()):
        raise ValueError("goes with CLOUDFLARE_API_TOKEN: set both, or none")
    if value and not re.fullmatch(r"[0-9a-f]{32}", value):
        raise ValueError("give the 32 hex digits from the zone's overview page")
    return value


def _with_s3(value: Any, context: ValidationInfo) -> Any:
    """Ask for the settings of the bucket where STORE is s3."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not text and context.data.get("store") == "s3":
        raise ValueError(f"must be set, because {PREFIX}STORE is s3")
    return value


def _proxies(value: Any) -> Any:
    """Read a number of proxies, or their addresses and networks with commas between them."""
    text = str(value).strip()
    if text.isascii() and text.isdigit():
        if int(text[:3]) > MAX_PROXIES:
            raise ValueError(f"give at most {MAX_PROXIES} proxies")
        return int(text)
    try:
        return tuple(ip_network(one.strip()) for one in text.split(","))
    except ValueError as e:
        raise ValueError("give a number such as 1, or addresses such as 127.0.0.1,10.0.0.0/8,::1") from e


def _with_pyav(value: bool) -> bool:
    """Ask for the library that posters are made with, so that its absence is known at once."""
    if value and find_spec("av") is None:
        raise ValueError("needs PyAV: pip install 'bowerbird[server,video]'")
    return value


ByteSize = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
RedisUrl = Annotated[SecretStr, scheme("redis://", "rediss://", "redis+unix://"), AfterValidator(_whole)]
Url = Annotated[str, AfterValidator(_origin)]
S3Text = Annotated[str, AfterValidator(_with_s3)]
S3Secret = Annotated[SecretStr, AfterValidator(_with_s3)]
S3Url = Annotated[str, AfterValidator(lambda url: _origin(url) if url else url), AfterValidator(_with_s3)]
BindText = Annotated[str, AfterValidator(_bind)]
Rate = Annotated[str, AfterValidator(_rate)]
ZoneId = Annotated[str, AfterValidator(_zone_id)]
Token = Annotated[SecretStr, AfterValidator(_bootstrap)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_long_if_any)]
Passphrase = Annotated[SecretStr, AfterValidator(_long_if_any)]
Proxies = Annotated[Trusted, NoDecode, PlainValidator(_proxies)]
Span = Annotated[timedelta, BeforeValidator(_span)]
Video = Annotated[bool, AfterValidator(_with_pyav)]
SecretKey = Annotated[SecretStr, AfterValidator(_secret_key)]
