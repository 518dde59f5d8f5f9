"""What an S3 endpoint gives of an object: its description, and its bytes."""

from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError

from .base import StoredObject
from .s3_errors import Failure

_COPY_BYTES = 256 * 1024


def stored(key: str, answer: dict[str, Any]) -> StoredObject:
    """Return what the answer to a GET or HEAD says of the object."""
    size, etag, modified_at = answer["ContentLength"], answer["ETag"], answer["LastModified"]
    return StoredObject(key, size, etag, modified_at, answer.get("VersionId"), answer.get("ContentType"))


def copy(body: Any, into: BinaryIO) -> None:
    """Append the body of an answer to `into`; raise Failure if it breaks off."""
    try:
        for piece in body.iter_chunks(_COPY_BYTES):
            into.write(piece)
    except BotoCoreError as e:
        raise Failure("the connection failed") from e
