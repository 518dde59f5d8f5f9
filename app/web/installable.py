"""The app that a browser installs: manifest, service worker, the shell that opens offline, and where shares arrive."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as AnyResponse

from .. import __version__
from ..errors import NotFound
from ..settings import Settings
from . import parts
from .owner import shared_by_pages

installable = Blueprint("installable", __name__)
installable.context_processor(shared_by_pages)

_IMPORTS = re.compile(r"""(?:from|import)\s*\(?\s*["']\./([\w.-]+)["']""")
_OFFLINE = "This page needs a connection. The upload page opens without one: what you drop there is sent later."
_NOT_TAKEN = "The app was not ready to take what you shared, so nothing was uploaded. Open it once, then share again."
KEPT_AS = "bowerbird.shell"


@installable.record_once
def _know_version(state: BlueprintSetupState) -> None:
    state.app.jinja_env.globals["shell_version"] = lambda: _shell().version


@installable.get("/manifest.webmanifest")
def manifest() -> Response:
    """What the app is called, how it looks, and what it takes from other apps' share sheets."""
    response = jsonify(
        id="/",
        name="Bowerbird",
        short_name="Bowerbird",
        description="Send an image, get its address at once.",
        lang="en",
        start_url="/",
        scope="/",
        display="standalone",
        theme_color="#f6f0e4",
        background_color="#f6f0e4",
        icons=[
            _icon("bowerbird.svg", "any", "any"),
            _icon("icon-192.png", "192x192", "any"),
            _icon("icon-512.png", "512x512", "any"),
            _icon("icon-maskable.png", "512x512", "maskable"),
        ],
        shortcuts=[{"name": "Gallery", "url": "/gallery"}],
        share_target={
            "action": "/share",
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {
                "title": "title",
                "text": "text",
                "url": "url",
                "files": [{"name": "files", "accept": _shareable(parts().settings)}],
            },
        },
    )
    response.mimetype = "application/manifest+json"
    response.headers["Cache-Control"] = "no-cache"
    return response


@installable.get("/sw.js")
def worker() -> Response:
    """The service worker of this version, which knows the files of the upload page by their digests."""
    shell = _shell()
    about = json.dumps({"version": shell.version, "files": shell.files})
    text = f"self.SHELL = {about};\n{shell.worker}"
    return Response(text, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})


@installable.get("/shell/<version>/<any(upload, offline):name>")
def show_shell(version: str, name: str) -> str:
    """The upload page as it is for everyone, without a session's CSRF token; or the page for all that needs a line.

    404 for another version: where two servers are not the same yet, a worker that met both is not installed.
    """
    if version != _shell().version:
        raise NotFound("this server has another version")
    return _render(name)


@installable.post("/share")
def share() -> tuple[str, int]:
    """What is shared while no service worker runs: nothing of it is read, for any site can make a browser send this."""
    return render_template("gone.html", title="Share it again", message=_NOT_TAKEN), 409


@installable.get("/share")
def show_share() -> AnyResponse:
    """Where a browser comes when it goes back to that page."""
    return redirect("/", 303)


def _shareable(settings: Settings) -> list[str]:
    """Return the types of files that other apps may share with this one."""
    return ["image/*", *settings.video_types]


def _icon(name: str, sizes: str, purpose: str) -> dict[str, Any]:
    kind = "image/svg+xml" if name.endswith(".svg") else "image/png"
    return {"src": url_for("static", filename=name), "sizes": sizes, "type": kind, "purpose": purpose}


@dataclass(frozen=True)
class _Shell:
    version: str  # the app's, and a digest of all there is
    files: dict[str, str]  # address: integrity, https://www.w3.org/TR/sri/
    worker: str


def _shell() -> _Shell:
    """Return what this server's upload page is made of; read once, as Python's modules are."""
    kept: _Shell | None = current_app.extensions.get(KEPT_AS)
    if kept is None:
        static = Path(str(current_app.static_folder))
        worker = (static / "sw.js").read_text(encoding="utf-8")
        with current_app.test_request_context("/"):  # as it is for nobody in particular
            pages = [_render(name, shell_version=str) for name in ("upload", "offline")]
        files = _files(static, pages[0])
        digest = hashlib.sha256(json.dumps([files, pages, worker]).encode()).hexdigest()
        kept = current_app.extensions[KEPT_AS] = _Shell(f"{__version__}-{digest[:12]}", files, worker)
    return kept


def _render(name: str, **more: Any) -> str:
    context = {"csrf": "", "signed_in": True, "path": "/" if name == "upload" else ""} | more
    if name == "upload":
        return render_template("upload.html", **context)
    return render_template("gone.html", title="No connection", message=_OFFLINE, **context)


def _files(static: Path, page: str) -> dict[str, str]:
    """Return the address and the integrity of each file that `page` loads, and of what these import."""
    wanted = re.findall(r'"/static/([\w.-]+)"', page)
    files: dict[str, str] = {}
    while wanted:
        name = wanted.pop()
        if (address := f"/static/{name}") not in files:
            content = (static / name).read_bytes()
            files[address] = f"sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}"
            if name.endswith(".js"):
                wanted += _IMPORTS.findall(content.decode("utf-8"))
    return files
