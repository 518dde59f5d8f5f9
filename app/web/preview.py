"""The view page of an image, where those are on: for chats and forums that show title, colour and size of a link.

Sources: https://ogp.me, https://oembed.com (2.3.4.1), https://developer.x.com/en/docs/x-for-websites/cards
"""

from html import escape
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from flask import Blueprint, Response, jsonify, render_template, request

from ..catalog.records import Upload
from ..errors import BadRequest, NotFound, NotOffered
from . import parts
from .answer import answer

preview = Blueprint("preview", __name__)

_SIDES = 100_000  # of a maxwidth or maxheight: more is none


@preview.get("/v/<path:key>")
def show(key: str) -> str:
    """The image with its title, and what other programs read of it; 404 if there is none, or there are no such pages.

    Of what its owner knows only the title is told.
    """
    upload = _find(key)
    told = answer(upload)
    return render_template(
        "view.html",
        upload=upload,
        image_url=told["url"],
        thumbnail_url=told["thumbnail_url"],
        view_url=told["view_url"],
        oembed_url=f"{parts().settings.base_url}/oembed?{urlencode({'url': told['view_url'], 'format': 'json'})}",
        csrf="",
        signed_in=False,
    )


@preview.get("/oembed")
def oembed() -> Response:
    """oEmbed of type `photo` or `video` for the address of a view page or of an upload: 404 for any other, 501 for XML.

    `maxwidth` and `maxheight` are kept: of a larger image the size is told that it may be shown in.
    """
    if (kind := request.args.get("format", "json")) != "json":
        raise NotOffered(f"the format {kind[:20]!r} is not spoken here; there is json")
    upload = _find(_key_of(request.args.get("url", "")))
    settings = parts().settings
    width, height = _fitting(upload, _side("maxwidth"), _side("maxheight"))
    told: dict[str, Any] = {
        "version": "1.0",
        **_embedded(upload, answer(upload)["url"], width, height),
        "width": width,
        "height": height,
        "provider_name": urlsplit(settings.base_url).netloc,
        "provider_url": settings.base_url,
    }
    if upload.title:
        told["title"] = upload.title
    return jsonify(told)


def _find(key: str) -> Upload:
    upload = parts().uploads.find(key) if parts().settings.view_pages else None
    if upload is None:
        raise NotFound("there is nothing at this address")
    return upload


def _embedded(upload: Upload, url: str, width: int, height: int) -> dict[str, Any]:
    if not upload.is_video:
        return {"type": "photo", "url": url}
    size = f'width="{width}" height="{height}"'
    return {"type": "video", "html": f'<video src="{escape(url)}" {size} controls preload="metadata"></video>'}


def _key_of(url: str) -> str:
    """Return the key that an address of ours names, or a key of nothing."""
    settings = parts().settings
    for start in (f"{settings.base_url}/v/", f"{settings.public_url}/"):
        if url.startswith(start):
            return unquote(url.removeprefix(start).partition("?")[0].partition("#")[0])
    return ""


def _side(name: str) -> int:
    text = request.args.get(name, "")
    if not text:
        return _SIDES
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0 and len(text) < 10):
        raise BadRequest(f"{name} is {text[:40]!r}; give a number of pixels")
    return int(text)


def _fitting(upload: Upload, most_width: int, most_height: int) -> tuple[int, int]:
    """Return the size of the image as large as it may be shown."""
    if not upload.width or not upload.height:
        return upload.width, upload.height
    scale = min(1.0, most_width / upload.width, most_height / upload.height)
    return max(1, int(upload.width * scale)), max(1, int(upload.height * scale))
