"""The pages that only the owner sees: who is not signed in is led to the sign-in page, and back."""

import re
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from ..errors import Unauthorized, Unavailable
from ..keys import thumbnail_key
from . import auth, parts

# Browsers read a backslash as a slash, and two of them begin the name of a host.
_OWN_PATH = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


def owner_pages(name: str) -> Blueprint:
    """Return a blueprint whose every page is the owner's alone, and whose every form has to be our own page's."""
    blueprint = Blueprint(name, __name__)
    blueprint.before_request(_admit)
    blueprint.context_processor(shared_by_pages)
    return blueprint


def shared_by_pages() -> dict[str, Any]:
    """Return what every template may use."""
    settings = parts().settings
    return {
        "csrf": auth.csrf_of(auth.session_id_of_request()),
        "signed_in": _is_signed_in(),
        "public_url": settings.public_url,
        "base_url": settings.base_url,
        "max_upload_bytes": settings.max_upload_bytes,
        "video_types": settings.video_types,
        "max_resumable_bytes": settings.max_resumable_bytes,
        "largest_bytes": settings.largest_bytes,
        "thumbnail_key": thumbnail_key,
    }


def own_path(text: str | None) -> str:
    """Return `text` if it is a path of this site, and `/` for anything else.

    >>> own_path("/gallery?q=cat"), own_path("//evil.example"), own_path("/\\\\evil.example"), own_path("https://e.x")
    ('/gallery?q=cat', '/', '/', '/')
    """
    return text if text and _OWN_PATH.fullmatch(text) else "/"


def _is_signed_in() -> bool:
    try:
        return auth.session_token() is not None
    except Unavailable:  # the page that is made may be the one that tells of it
        return False


def _admit() -> Response | None:
    """Let the owner in; raise Unauthorized or Forbidden for a change that no page of ours, signed in, has asked for."""
    is_change = request.method not in auth.SAFE
    if auth.session_token() is None:
        if is_change:
            raise Unauthorized("sign in first")
        query = request.query_string.decode("ascii", "replace")
        here = quote(request.path) + (f"?{query}" if query else "")
        return redirect(f"/login?{urlencode({'next': here})}", 303)
    if is_change:
        auth.check_csrf(request.form.get("csrf"))
    return None
