"""One account at Backblaze B2, read and changed by Backblaze's own library; its errors become ours here."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..errors import SetupError, Unavailable
from .sdk import load

_UNKNOWN_KEY = (
    "B2 does not know this key: give a keyID as B2_APPLICATION_KEY_ID and its applicationKey as B2_APPLICATION_KEY"
)
_KNOWN = {
    "no_payment_history": (
        "B2 refuses a public bucket to an account that never paid (no_payment_history): add a payment at Backblaze, a"
        " dollar is enough, or add --private, and a Worker serves the images"
    ),
    "email_not_verified": (
        "B2 waits for the account's e-mail address to be confirmed (email_not_verified): open the link it sent"
    ),
}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An application key: its id, and its secret where it is known, which never prints."""

    id: str
    secret: str = field(default="", repr=False)


class Account:
    """What one application key may do at B2. Every method raises SetupError that says what B2 refused, naming the
    capability that the key lacks, and Unavailable if B2 does not answer.
    """

    def __init__(self, pair: KeyPair, *, config: Any = None) -> None:
        sdk = load("b2sdk.v3")
        options = {"api_config": config} if config else {}
        self._api = sdk.B2Api(sdk.InMemoryAccountInfo(), **options)
        with _asked("sign in", ""):
            self._api.authorize_account(pair.id, pair.secret)
        known = self._api.account_info
        self.is_master: bool = known.is_master_key()
        self.capabilities = frozenset(known.get_allowed()["capabilities"])
        self.bucket_ids = [one["id"] for one in known.get_allowed().get("buckets") or ()]
        self.endpoint: str = known.get_s3_api_url()
        self.friendly_host = urlsplit(known.get_download_url()).hostname or ""
        self.region = _region(self.endpoint)

    def bucket(self, name: str) -> dict[str, Any] | None:
        """Return the bucket as B2's native API has it, or None if the account has no such bucket."""
        with self._doing("look for the bucket", "listBuckets"):
            found = self._api.list_buckets(bucket_name=name)
        return found[0].as_dict() if found else None

    def add_bucket(self, wanted: Mapping[str, Any]) -> str:
        """Make the bucket; return its id."""
        with self._doing(f"make the bucket {wanted['bucketName']}", "writeBuckets"):
            made = self._api.create_bucket(
                wanted["bucketName"],
                wanted["bucketType"],
                bucket_info=wanted["bucketInfo"],
                cors_rules=wanted["corsRules"],
                lifecycle_rules=wanted["lifecycleRules"],
            )
        return str(made.id_)

    def change_bucket(self, bucket_id: str, changes: Mapping[str, Any], revision: int) -> None:
        """Set what `changes` holds, if nobody changed the bucket since `revision`."""
        with self._doing("change the bucket", "writeBuckets"):
            self._api.session.update_bucket(
                self._api.get_account_id(),
                bucket_id,
                bucket_type=changes.get("bucketType"),
                bucket_info=changes.get("bucketInfo"),
                cors_rules=changes.get("corsRules"),
                lifecycle_rules=changes.get("lifecycleRules"),
                if_revision_is=revision,
            )

    def keys(self, name: str) -> list[Any]:
        """Return the application keys of that name: each with `id_`, `capabilities`, `bucket_ids`."""
        with self._doing("list application keys", "listKeys"):
            return [key for key in self._api.list_keys() if key.key_name == name]

    def add_key(self, name: str, capabilities: Sequence[str], bucket_id: str) -> KeyPair:
        """Make an application key of one bucket. Its secret is never shown again."""
        with self._doing("make an application key", "writeKeys"):
            made = self._api.create_key(list(capabilities), name, bucket_ids=[bucket_id])
        return KeyPair(made.id_, made.application_key)

    def remove_key(self, key_id: str) -> None:
        with self._doing("delete an application key", "deleteKeys"):
            self._api.delete_key_by_id(key_id)

    @contextmanager
    def _doing(self, what: str, capability: str) -> Iterator[None]:
        if capability not in self.capabilities:
            raise SetupError(f"the B2 key may not {what}: it lacks the capability {capability}")
        with _asked(what, capability):
            yield


def problem(pair: KeyPair, capabilities: Sequence[str], bucket_id: str, *, config: Any = None) -> str | None:
    """Return why `pair` is no key for the app, or None: B2 is asked by signing in with it.

    The master key is none: S3 does not take it.
    """
    sdk = load("b2sdk.v3").exception
    try:
        seen = Account(pair, config=config)
    except SetupError as e:
        if isinstance(e.__cause__, sdk.Unauthorized):
            return "B2 does not know it"
        raise
    if seen.is_master:
        return "it is the master key, which S3 does not take"
    if seen.bucket_ids != [bucket_id]:
        return "it is not restricted to this bucket"
    if missing := [name for name in capabilities if name not in seen.capabilities]:
        return f"it lacks the capability {', '.join(missing)}"
    return None


def _region(endpoint: str) -> str:
    """Return the region of an S3 address.

    >>> _region("https://s3.us-west-004.backblazeb2.com")
    'us-west-004'
    """
    labels = (urlsplit(endpoint).hostname or "").split(".")
    if len(labels) < 3 or labels[0] != "s3":
        raise SetupError(f"B2 named an S3 address without a region: {endpoint}")
    return labels[1]


@contextmanager
def _asked(what: str, capability: str) -> Iterator[None]:
    """Turn the library's errors into ours; the order of the clauses is from the particular to the general."""
    sdk = load("b2sdk.v3").exception
    try:
        yield
    except sdk.DuplicateBucketName as e:
        raise SetupError("somebody else has a bucket of this name, at B2 each exists once: choose another") from e
    except (sdk.RestrictedBucket, sdk.RestrictedBucketMissing) as e:
        raise SetupError(f"the B2 key may not {what}: {e}") from e
    except sdk.Unauthorized as e:
        # By its code: the library turns the particular classes of a 401 into this one.
        lacks = _KNOWN.get(e.code) or f"the B2 key may not {what}: it lacks the capability {capability}"
        raise SetupError(lacks if capability else _UNKNOWN_KEY) from e
    except sdk.Conflict as e:
        raise SetupError(
            f"somebody else changed the bucket at the same time, so B2 did not {what}: run it again"
        ) from e
    except sdk.CapExceeded as e:
        raise SetupError(f"B2 refused to {what}: a cap is reached, see Caps & Alerts at Backblaze") from e
    except sdk.B2Error as e:
        if e.should_retry_http() or isinstance(e, (sdk.UnknownHost, sdk.ConnectionReset, sdk.BrokenPipe)):
            raise Unavailable(f"B2 does not answer ({what}: {e}): run it again later") from e
        raise SetupError(f"B2 refused to {what}: {e}") from e
