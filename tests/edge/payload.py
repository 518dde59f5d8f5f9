"""The body of a call of Cloudflare's API: JSON, or the parts of a Worker's upload."""

import json
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from .call import Refused


def parsed(raw: bytes, content_type: str) -> Any:
    """Return the JSON of a body, or the parts of an upload as a list; None where there is no body. Raises Refused."""
    if not raw:
        return None
    if content_type.startswith("multipart/form-data"):
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        return [_part(part) for part in BytesParser(policy=HTTP).parsebytes(head + raw).iter_parts()]
    try:
        return json.loads(raw)
    except ValueError as e:
        raise Refused(400, 6007, "Malformed JSON in request body") from e


def _part(part: Message) -> dict[str, Any]:
    """Return one part of an upload: name, filename, content type, bytes."""
    return {
        "name": part.get_param("name", header="content-disposition"),
        "filename": part.get_filename(),
        "content_type": part.get_content_type(),
        "content": part.get_payload(decode=True),
    }


def json_of(body: Any) -> Any:
    """Return what the schema is about: of an upload, its metadata."""
    if not isinstance(body, list) or not body or "filename" not in body[0]:
        return body
    metadata = next((part["content"] for part in body if part["name"] == "metadata"), b"null")
    return {"metadata": json.loads(metadata)}
