"""The settings: read once from the environment, `.env` and NAME_FILE secrets; all problems are reported at once."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict

from .client_bounds import ClientBounds
from .containers.base import VIDEO_TYPES, Bounds
from .errors import SettingsError
from .keys import LENGTH, MAX_LENGTH, MIN_LENGTH
from .setting_types import (
    MIB,
    PREFIX,
    BindText,
    ByteSize,
    Passphrase,
    Proxies,
    Rate,
    RedisUrl,
    S3Secret,
    S3Text,
    S3Url,
    SecretKey,
    Span,
    Token,
    Url,
    Video,
    WebhookSecret,
    ZoneId,
    scheme,
)

MAX_VIDEO_S = 2 * 3600  # of a screen recording: what is longer is a film


class Settings(ClientBounds):
    """All that can be set. A secret never prints: it is a SecretStr."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,
    )

    public_url: Url = Field("", validate_default=False, description="what viewers open; BASE_URL when unset")
    base_url: Url = Field("", validate_default=False, description="where the app is; from BIND when unset")
    bind: BindText = Field("127.0.0.1:8080", description="address and port to listen on")
    data_dir: Path = Field(Path("data"), description="folder of the catalog, the embedded store and the secret key")
    database_url: Annotated[SecretStr, scheme("sqlite:///", "postgresql://")] = Field(
        SecretStr(""), description="catalog: sqlite:/// or postgresql://; in DATA_DIR when unset"
    )
    redis_url: RedisUrl = Field(SecretStr(""), description="rate limits of several servers; in memory when unset")
    store: Literal["folder", "s3"] = Field("folder", description="where objects go")
    s3_endpoint: S3Url = Field("", description="B2, the signing proxy or any S3 endpoint")
    s3_region: S3Text = Field("", description="region of the bucket, such as us-west-004")
    s3_bucket: S3Text = Field("", description="name of the bucket")
    s3_access_key_id: S3Text = Field("", description="access key id (B2: keyID)")
    s3_secret_access_key: S3Secret = Field(SecretStr(""), description="secret access key (B2: applicationKey)")
    max_upload_bytes: ByteSize = Field(100 * MIB, description="largest file taken; Cloudflare passes 100 MB")
    max_resumable_bytes: ByteSize = Field(1024 * MIB, description="largest resumable upload")
    resumable_life: Span = Field("1d", description="how long an unfinished one is kept")  # type: ignore[assignment]
    max_pixels: int = Field(Bounds.max_pixels, gt=0, description="largest frame taken, in pixels")
    max_frames: int = Field(Bounds.max_frames, gt=0, description="longest animation taken, in frames")
    verify: Literal["structure", "decode"] = Field("structure", description="decode: answer only after a full decode")
    duplicates: Literal["new", "same"] = Field("new", description="same: bytes that are there keep their address")
    upload_by_url: bool = Field(False, description="uploads by address: the server fetches what a client names")
    allow_video: Video = Field(False, description="take MP4, WebM and MOV too")
    view_pages: bool = Field(False, description="a page for each image at /v/KEY, which chats show a preview of")
    key_length: int = Field(LENGTH, ge=MIN_LENGTH, le=MAX_LENGTH, description="random characters of a key")
    rate_limit: Rate = Field("100000/hour", validate_default=False, description="uploads of one token")
    web_workers: int = Field(2, ge=1, le=64, description="web processes")
    secret_key: SecretKey = Field(
        SecretStr(""), validate_default=False, description="signs deletion links; made and kept in DATA_DIR when unset"
    )
    webhook_secret: WebhookSecret = Field(
        SecretStr(""), description="signs the notifications of the bucket; none are taken when unset"
    )
    backup_passphrase: Passphrase = Field(
        SecretStr(""), description="encrypts the backups of the catalog; none are made when unset"
    )
    backup_every: Span = Field("1d", description="how often the worker makes a backup")  # type: ignore[assignment]
    backup_keep: int = Field(7, ge=1, le=1000, description="how many backups stay in the bucket")
    cloudflare_api_token: SecretStr = Field(SecretStr(""), description="may purge the cache of the zone")
    cloudflare_zone_id: ZoneId = Field("", description="zone of the image domain")
    cloudflare_api_url: Url = Field("https://api.cloudflare.com/client/v4", description="where Cloudflare's API is")
    bootstrap_token: Token = Field(
        SecretStr(""), validate_default=False, description="the owner's first token; made and shown once when unset"
    )
    log_format: Literal["auto", "json", "text"] = Field("auto", description="of the log; auto: text on a terminal")
    trusted_proxies: Proxies = Field(0, description="how many proxies add to X-Forwarded-For, or their addresses")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        base_url = self.base_url or f"http://{self.bind}"
        data_dir = self.data_dir.expanduser().absolute()
        database_url = self.database_url.get_secret_value() or f"sqlite:///{data_dir / 'catalog.sqlite3'}"
        for name, value in (
            ("base_url", base_url),
            ("public_url", self.public_url or base_url),
            ("data_dir", data_dir),
            ("database_url", SecretStr(database_url)),
        ):
            object.__setattr__(self, name, value)
        return self

    @property
    def bounds(self) -> Bounds:
        """The bounds of an image or a video, the larger total following the larger frame."""
        total = max(Bounds.max_total_pixels, self.max_pixels)
        max_video_s = MAX_VIDEO_S if self.allow_video else 0
        return Bounds(self.max_pixels, total, self.max_frames, max_video_s=max_video_s)

    @property
    def video_types(self) -> tuple[str, ...]:
        """The content types of the videos that are taken; none where they are not."""
        return VIDEO_TYPES if self.allow_video else ()

    @property
    def largest_bytes(self) -> int:
        """The largest file that is taken in any way."""
        return max(self.max_upload_bytes, self.max_resumable_bytes)

    def make_data_dir(self) -> None:
        """Make the data folder if there is none, for its owner alone; raise SettingsError if that fails.

        The catalog in it holds the senders' file names. A folder that exists keeps its mode.
        """
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as e:
            raise SettingsError([f"{PREFIX}DATA_DIR: cannot use {self.data_dir}: {e.strerror}"]) from e

    def signing_secret(self) -> str:
        """Return SECRET_KEY, or the one kept in the data folder, which is made (mode 0600) if there is none."""
        if given := self.secret_key.get_secret_value():
            return given
        self.make_data_dir()
        path = self.data_dir / "secret_key"
        try:
            if not path.exists():
                _write_once(path, secrets.token_urlsafe(48))
            return path.read_text(encoding="ascii").strip()
        except OSError as e:
            raise SettingsError([f"{PREFIX}DATA_DIR: cannot use {path}: {e.strerror}"]) from e

    def take_signing_secret(self, secret: str, *, is_replacing: bool) -> bool:
        """Make `secret` the one of `signing_secret()`; False if there is another, which stays unless `is_replacing`.
        SECRET_KEY always stays."""
        path = self.data_dir / "secret_key"
        if self.secret_key.get_secret_value():
            return self.signing_secret() == secret
        try:
            if path.exists() and is_replacing and self.signing_secret() != secret:
                path.unlink()
            if not path.exists():
                _write_once(path, secret)
        except OSError as e:
            raise SettingsError([f"{PREFIX}DATA_DIR: cannot write {path}: {e.strerror}"]) from e
        return self.signing_secret() == secret


def load(**values: Any) -> Settings:
    """Return the settings of this environment, `values` before them; raise SettingsError with every problem."""
    from_files, problems = _secret_files(os.environ)
    try:
        settings = Settings(**{**from_files, **values})
    except ValidationError as e:
        problems += [_line(problem) for problem in e.errors()]
    if problems:
        raise SettingsError(problems)
    return settings


def _secret_files(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Read `BOWERBIRD_NAME_FILE=/run/secrets/name` as the value of `BOWERBIRD_NAME`, as Docker's own images do."""
    values, problems = {}, []
    for name in Settings.model_fields:
        variable = f"{PREFIX}{name.upper()}_FILE"
        if path := environ.get(variable):
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as e:
                problems.append(
                    f"{variable}: cannot read {path}: {getattr(e, 'strerror', None) or e.__class__.__name__}"
                )
    return values, problems


def _line(problem: Any) -> str:
    name = problem["loc"][0]
    text = str(problem["msg"]).removeprefix("Value error, ")
    given = str(problem["input"])
    is_secret = Settings.model_fields[name].annotation is SecretStr or "@" in given  # https://name:password@host
    got = "" if is_secret or not given else f" (it is {given[:80]!r})"
    return f"{PREFIX}{name.upper()}: {text}{got}"


def _write_once(path: Path, text: str) -> None:
    """Write `text` to `path` unless another server was faster; nobody ever sees half of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass  # the other server's key is as good
    finally:
        temporary.unlink()
