"""A bucket as a diagnosis sees it: the very requests of the store, each sent once, and every answer as it came."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from ..answers import Answer
from ..edge.headers import CACHE_CONTROL
from ..errors import StoreUnavailable
from .s3_client import make_client
from .s3_errors import UNREADABLE

_TIMEOUT_S = 15  # the signing proxy tries four times before it gives up


class RawBucket:
    """One bucket. Every method returns the answer, a refusal as well; StoreUnavailable where none came."""

    def __init__(self, *, bucket: str, **account: Any) -> None:
        """`account` is what `make_client` takes."""
        self._bucket = bucket
        self._answer: Answer | None = None
        self._client = make_client(_uncounted, read_timeout_s=_TIMEOUT_S, **account)
        # As it came, before boto3 makes an exception of it.
        self._client.meta.events.register("before-parse.s3", self._note)

    def put(self, key: str, body: bytes, *, content_type: str, metadata: Mapping[str, str]) -> Answer:
        """Store `body` as an upload is stored, with the `metadata` that other clients give theirs."""
        named = {"ContentType": content_type, "CacheControl": CACHE_CONTROL, "Metadata": dict(metadata)}
        return self._ask("put_object", Key=key, Body=body, **named)

    def get(self, key: str) -> Answer:
        """Read an object; costs a class B transaction."""
        return self._ask("get_object", Key=key)

    def delete(self, key: str, version_id: str | None) -> Answer:
        """Remove one version, or hide the object if `version_id` is None."""
        return self._ask("delete_object", Key=key, **({"VersionId": version_id} if version_id else {}))

    def wipe(self, key: str) -> bool:
        """Remove every version of `key`, and return whether none is left. It lists them: class C."""
        if (listed := self._ask("list_object_versions", Prefix=key)).status != 200:
            return False
        # Enough XML for names of our own, which are like no others.
        versions = re.findall(r"<VersionId>([^<]+)</VersionId>", listed.text)
        return all(self.delete(key, version).status == 204 for version in versions)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def _ask(self, operation: str, **parameters: Any) -> Answer:
        self._answer, body = None, None
        failure: Exception | None = None
        try:
            answer = getattr(self._client, operation)(Bucket=self._bucket, **parameters)
            body = answer["Body"].read() if "Body" in answer else None
        except (ClientError, *UNREADABLE) as e:  # what is no XML does not parse
            failure = e
        if self._answer is None:
            raise StoreUnavailable(f"no answer came: {failure}") from failure
        return replace(self._answer, body=body) if body is not None and self._answer.status == 200 else self._answer

    def _note(self, response_dict: dict[str, Any], **_: Any) -> None:
        body = response_dict["body"]
        headers = {name.lower(): value for name, value in response_dict["headers"].items()}
        if self._answer is None:  # boto3 asks again by itself where an answer names another region
            # The body of an object is a stream, left to its reader.
            self._answer = Answer(response_dict["status_code"], headers, body if isinstance(body, bytes) else b"")


def _uncounted(**_: Any) -> None:
    """A diagnosis is not what the app costs."""
