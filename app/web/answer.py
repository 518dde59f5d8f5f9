"""An upload as JSON: what its sender is answered, and what its owner may see beside."""

from typing import Any
from urllib.parse import quote

from ..catalog.records import Upload
from ..facts import facts
from ..keys import thumbnail_key
from . import parts


def answer(row: Upload) -> dict[str, Any]:
    """Return the JSON of an upload, as the contract has it; `view_url` only where there are such pages,
    `converted_from` only where something was converted."""
    settings = parts().settings
    path, told = quote(row.key), facts(row, settings.public_url)
    result: dict[str, Any] = {
        "url": told.pop("url"),
        "thumbnail_url": f"{settings.public_url}/{quote(thumbnail_key(row.key))}",
        "deletion_url": f"{settings.base_url}/d/{path}/{parts().uploads.deletion_token(row.key, row.copy)}",
        **told,
    }
    if settings.view_pages:
        result["view_url"] = f"{settings.base_url}/v/{path}"
    if row.converted_from:
        result["converted_from"] = row.converted_from
    return result


def details(row: Upload) -> dict[str, Any]:
    """Return the JSON of an upload with all that its owner gave it, and what is known of its picture."""
    return answer(row) | {
        "file_name": row.file_name,
        "title": row.title,
        "tags": list(row.tags),
        "favourite": row.is_favourite,
        "thumbnail": row.thumbnail.value,
        "blurhash": row.blurhash,
        "color": row.color,
        "problem": row.problem,
    }
