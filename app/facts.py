"""What is told of an upload wherever it is told as JSON: by the API, and beside an exported image."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

from .catalog.records import Upload


def facts(row: Upload, public_url: str) -> dict[str, Any]:
    """Return its address and what is known of its bytes; moments as the contract has them."""
    return {
        "url": f"{public_url}/{quote(row.key)}",  # of our own keys nothing changes; other S3 clients take any name
        "key": row.key,
        "content_type": row.content_type,
        "size": row.size,
        "width": row.width,
        "height": row.height,
        "sha256": row.sha256,
        "created_at": _iso(row.created_at),
        "expires_at": _iso(row.expires_at) if row.expires_at else None,
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
