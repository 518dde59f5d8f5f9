"""What a request is: what it names, which capability it needs, what class of transaction it is, who may do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from .errors import Refusal, not_entitled
from .sigv4 import Key

_BUCKET_SETTINGS = {"acl": "GET PUT", "cors": "GET PUT DELETE", "encryption": "GET PUT", "versioning": "GET"}
_REFUSED = (
    *("accelerate", "analytics", "attributes", "intelligent-tiering", "inventory", "legal-hold", "lifecycle"),
    *("logging", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus"),
    *("publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select", "tagging"),
    *("torrent", "website"),
)


@dataclass(frozen=True)
class Target:
    """What the address names: path style, or the bucket as the first label of the host. `raw_*` are as they came."""

    bucket: str
    key: str = ""
    raw_key: str = ""
    raw_query: str = ""
    query: Mapping[str, str] | None = None

    def has(self, *names: str) -> bool:
        return any(name in (self.query or {}) for name in names)

    def value(self, name: str) -> str:
        return (self.query or {}).get(name, "")


@dataclass(frozen=True)
class Action:
    """The capability that a request needs, and the class of its transaction."""

    capability: str
    transaction: str
    is_write: bool = False


READ = Action("readFiles", "B")


def target_of(raw: str, host: str) -> Target:
    """Return what a request is about; raise Refusal if the key is not UTF-8."""
    path, _, raw_query = raw.partition("?")
    path = path.removeprefix("/")
    first = host.split(":", maxsplit=1)[0].split(".")
    if len(first) > 2 and first[1] == "s3":
        path = f"{first[0]}/{path}"
    bucket, _, key = path.partition("/")
    return Target(bucket, decoded(key), key, raw_query, dict(parse_qsl(raw_query, keep_blank_values=True)))


def decoded(raw_key: str) -> str:
    """Return a key without its percent-encoding."""
    try:
        return unquote_to_bytes(raw_key).decode()
    except UnicodeDecodeError:
        raise Refusal(400, "InvalidURI", "the key is not UTF-8") from None


def source_of(header: str) -> Target:
    """Return what an x-amz-copy-source names."""
    path, _, query = header.partition("?")
    bucket, _, key = path.removeprefix("/").partition("/")
    return Target(bucket, decoded(key), key, query)


def action_of(method: str, target: Target, headers: Mapping[str, str]) -> Action:
    """Return what a request asks for; raise Refusal for what B2 does not have."""
    if target.has(*_REFUSED) or (target.key and target.has(*_BUCKET_SETTINGS)):
        raise Refusal(501, "NotImplemented", "This API call is not supported.")
    if not target.bucket:
        return _allowed(method, {"GET": Action("listAllBucketNames", "C")})
    if not target.key:
        return _bucket_action(method, target)
    if method == "POST" and not target.has("uploads", "uploadId"):
        raise Refusal(501, "NotImplemented", "This API call is not supported.")
    write = Action("writeFiles", "C" if "x-amz-copy-source" in headers else "A", is_write=True)
    read = Action("listFiles", "C") if target.has("uploadId") else READ
    delete = Action("deleteFiles" if target.has("versionId") else "writeFiles", "A", is_write=True)
    return _allowed(method, {"GET": read, "HEAD": READ, "DELETE": delete, "PUT": write, "POST": write})


def _bucket_action(method: str, target: Target) -> Action:
    for name, methods in _BUCKET_SETTINGS.items():
        if target.has(name):
            if method not in methods.split():
                raise Refusal(501, "NotImplemented", "This API call is not supported.")
            return Action("listBuckets" if method == "GET" else "writeBuckets", "C", method != "GET")
    get = Action("listBuckets" if target.has("location") else "listFiles", "C")
    write = Action("writeBuckets", "C", is_write=True)
    actions = {"GET": get, "HEAD": Action("listBuckets", "C"), "PUT": write, "DELETE": write}
    if target.has("delete"):
        actions = {"POST": Action("deleteFiles", "A", is_write=True)}
    return _allowed(method, actions)


def _allowed(method: str, actions: Mapping[str, Action]) -> Action:
    if method not in actions:
        raise Refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    return actions[method]


def check_entitled(key: Key, action: Action, target: Target) -> None:
    """Raise Refusal unless the key may do this here."""
    if action.capability not in key.capabilities:
        raise not_entitled()
    if key.bucket is not None and action.capability != "listAllBucketNames":
        is_about_buckets = action.capability in ("listBuckets", "writeBuckets")
        if is_about_buckets or key.bucket != target.bucket:
            raise not_entitled()
    name = target.key or target.value("prefix")
    if (target.key or action.capability == "listFiles") and not name.startswith(key.prefix):
        raise not_entitled()
