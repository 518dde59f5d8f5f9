"""Which application key to use: one whose secret is known or held by a Worker, else a new one; and which to delete."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SetupError
from .account import Account, KeyPair, problem

MAKING = ("listKeys", "writeKeys", "deleteKeys")


@dataclass(frozen=True, slots=True)
class Choice:
    """`pair` is the key to go on with (None: it has to be made; no secret: the Worker alone has it).

    `stale` are keys of the same name that nobody can use any more, to be deleted once the new one is kept.
    """

    name: str
    capabilities: tuple[str, ...]
    pair: KeyPair | None
    stale: tuple[str, ...]


def choose(
    account: Account,
    name: str,
    capabilities: Sequence[str],
    bucket_id: str,
    *,
    given: KeyPair | None = None,
    kept: KeyPair | None = None,
    held: str = "",
    config: Any = None,
) -> Choice:
    """Return which key of the bucket serves the app, or a Worker.

    `given` is a pair that somebody made by hand, `kept` the one of the settings file, `held` the id of the one that a
    Worker has. `bucket_id` is "" for a bucket that is yet to be made.
    Raises SetupError if `given` will not do, or if a key has to be made and the account's key may not do that.
    """
    standing = account.keys(name) if "listKeys" in account.capabilities else None
    pair = None
    if given:
        if why := problem(given, capabilities, bucket_id, config=config):
            raise SetupError(f"the key {given.id} of BOWERBIRD_S3_ACCESS_KEY_ID will not do: {why}")
        pair = given
    elif kept and bucket_id and not problem(kept, capabilities, bucket_id, config=config):
        pair = kept
    elif held and bucket_id and _serves(held, standing, capabilities, bucket_id):
        pair = KeyPair(held)
    if pair is None and (missing := [one for one in MAKING if one not in account.capabilities]):
        raise SetupError(
            f"the B2 key may not make the app's own key: it lacks the capability {', '.join(missing)}. Use one that"
            f" has them, or make a key of this bucket by hand ({', '.join(capabilities)}) and put it into the settings"
            " file as BOWERBIRD_S3_ACCESS_KEY_ID and BOWERBIRD_S3_SECRET_ACCESS_KEY"
        )
    ids = [key.id_ for key in standing or ()]
    may_delete = "deleteKeys" in account.capabilities and (pair is None or pair.id in ids)
    stale = [one for one in ids if not pair or one != pair.id] if may_delete else []
    return Choice(name, tuple(capabilities), pair, tuple(stale))


def _serves(held: str, standing: Sequence[Any] | None, capabilities: Sequence[str], bucket_id: str) -> bool:
    """Return whether the key is still there with all it needs; where keys cannot be listed, it is believed."""
    if standing is None:
        return True
    return any(
        key.id_ == held and key.has_capabilities(capabilities) and key.bucket_ids == [bucket_id] for key in standing
    )
