"""The pages: upload, sign in, confirm a deletion."""

from urllib.parse import quote, urlencode

import structlog
from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from ..catalog.records import Upload
from ..errors import NotFound
from . import auth, parts, reach
from .answer import answer
from .owner import own_path, shared_by_pages

log = structlog.get_logger()

pages = Blueprint("pages", __name__)
pages.context_processor(shared_by_pages)


@pages.get("/")
def home() -> AnyResponse | str:
    """The upload page, with the address `url` filled in; who is not signed in is sent to /login."""
    url = request.args.get("url", "")
    if auth.session_token() is None:
        back = f"?{urlencode({'next': '/?' + urlencode({'url': url})})}" if url else ""
        return redirect(f"/login{back}", 303)
    return render_template("upload.html", by_url=parts().settings.upload_by_url, url=url)


@pages.get("/login")
def login() -> AnyResponse | str:
    """The sign-in page; `next` is the page of ours that it leads to."""
    target = own_path(request.args.get("next"))
    if auth.session_token():
        return redirect(target, 303)
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and "again" not in request.args:
        # Along a link of another site browsers send no cookie that is SameSite=Strict; along one of ours they do.
        return render_template("again.html", again=f"/login?{urlencode({'next': target, 'again': '1'})}")
    return render_template("login.html", error=None, next=target)


@pages.post("/login")
def sign_in() -> AnyResponse:
    """Start a session with a token that has the scope `manage`; 401 otherwise, 429 after ten others in 15 minutes."""
    auth.check_origin()
    address = request.remote_addr or ""
    parts().limits.check_sign_in(address)
    target = own_path(request.form.get("next"))
    session_id = auth.sign_in(request.form.get("token", "").strip())
    if session_id is None:
        message = (
            "That is not a token that may sign in. It needs the scope “manage” and must not be revoked or expired."
        )
        return Response(render_template("login.html", error=message, next=target), 401)
    parts().limits.forgive_sign_in(address)
    auth.sign_out()  # a session this browser had before
    response = redirect(target, 303)
    auth.set_session(response, session_id)
    return response


@pages.post("/logout")
def logout() -> AnyResponse:
    """End the session."""
    auth.check_csrf(request.form.get("csrf"))
    auth.sign_out()
    response = redirect("/login", 303)
    auth.set_session(response, None)
    return response


@pages.get("/d/<path:key>/<token>")
def show_deletion(key: str, token: str) -> str | tuple[str, int]:
    """What would be deleted, and a button: link previews fetch every GET, so a GET deletes nothing."""
    upload = parts().uploads.find_deletable(key, token)
    if upload is None:
        return _page("Nothing to delete here", "This is not one of our deletion links.", 404)
    if not upload.is_upload:
        return _page("Already deleted", reach.after(upload), 410)
    shown = answer(upload) | {"created_at": upload.created_at}
    return render_template("delete.html", reach=reach.before(upload), upload=shown, action=f"/d/{quote(key)}/{token}")


@pages.post("/d/<path:key>/<token>")
def confirm_deletion(key: str, token: str) -> str | tuple[str, int]:
    """The button of that page: the link itself is the right to delete, so it works signed out and without scripts."""
    found = parts().uploads.find_deletable(key, token)
    if found is None:
        return _page("Nothing to delete here", "This is not one of our deletion links.", 404)
    _take_back(found)
    return _page("Deleted", reach.after(parts().catalog.uploads.get(key)), 200)


@pages.delete("/d/<path:key>/<token>")
def delete_by_link(key: str, token: str) -> Response:
    """The same for scripts: 204, also when it is gone already; 404 for a wrong link."""
    found = parts().uploads.find_deletable(key, token)
    if found is None:
        raise NotFound("this is not one of our deletion links")
    _take_back(found)
    return Response(status=204)


def _take_back(upload: Upload) -> None:
    left = parts().uploads.take_back(upload.key, upload.copy)
    log.info("deleted", key=upload.key, left=left)


def _page(title: str, message: str, status: int) -> tuple[str, int]:
    return render_template("gone.html", title=title, message=message), status
