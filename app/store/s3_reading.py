"""What an S3 endpoint answers, read with care: somebody else may have answered in its place, with 200 and a page."""

from typing import Any, BinaryIO

from botocore.exceptions import BotoCoreError

from .base import StoredObject
from .s3_errors import Failure
from .s3_lists import is_page_of_objects, is_page_of_versions, is_told

_COPY_BYTES = 256 * 1024


def check(operation: str, answer: dict[str, Any]) -> None:
    """Raise Failure for an answer that is 2xx and not what S3 answers to this operation.

    botocore reads a page as an empty list, as the description of an object without a name, as a deletion that was done.
    """
    about = answer["ResponseMetadata"]
    match operation:
        case "get_object" | "head_object":
            is_ours = {"ETag", "LastModified", "ContentLength"} <= answer.keys()
            is_ours = is_ours and is_told(answer["ContentLength"], answer["LastModified"])
        case "list_objects_v2":
            is_ours = is_page_of_objects(answer)
        case "list_object_versions":
            is_ours = is_page_of_versions(answer)
        case "create_multipart_upload":
            is_ours = "UploadId" in answer
        case "delete_object":
            is_ours = about["HTTPStatusCode"] == 204 or about["HTTPHeaders"].get("content-length", "0") == "0"
        case _:
            is_ours = True
    if not is_ours:
        raise Failure("its answer was not that of a store")


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
