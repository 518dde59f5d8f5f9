"""The settings: tokens, store and edge, jobs, the doctor's visit, and how the pages look."""

from typing import Any

import structlog
from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from .. import checkup, issuing, jobs, stats
from ..amounts import show_span
from ..costs import FREE_A_DAY, FREE_GB, KINDS
from ..errors import BadRequest, BowerbirdError, NameTaken, NotFound
from ..heartbeat import Heartbeat
from ..tokens import SCOPES, Token
from . import parts, reach
from .auth import is_https
from .errors import status_of
from .owner import owner_pages

log = structlog.get_logger()

THEMES = ("system", "light", "dark")
THEME_S = 400 * 24 * 3600  # longer than this no browser keeps a cookie
_SHOWN = 20  # images that no decoder reads
_MOST = 200  # tokens

settings_page = owner_pages("settings")


@settings_page.get("/settings")
def show() -> str:
    """The page."""
    return _page()


@settings_page.post("/settings/tokens")
def make_token() -> str | tuple[str, int]:
    """Make a token and show it, this once; 400 or 409 with the reason on the page."""
    form, now = request.form, parts().uploads.clock()
    try:
        if not form.getlist("scope"):
            raise BadRequest(f"a token has to be allowed something: {', '.join(SCOPES)}")
        terms = issuing.read_terms(
            now, expires=form.get("expires"), uploads_expire=form.get("uploads_expire"), quota=form.get("quota")
        )
        secret = issuing.issue(parts().catalog, form.get("name", ""), form.getlist("scope"), terms, now=now)
    except (BadRequest, NameTaken) as e:
        return _refused(e)
    log.info("token made", token=form["name"].strip())
    return _page(made=(form["name"].strip(), secret))


@settings_page.post("/settings/tokens/change")
def change_token() -> str | Response | tuple[str, int]:
    """Give the token called `name` the terms of the form, those that differ from what it has."""
    form, now = request.form, parts().uploads.clock()
    try:
        has = issuing.show_terms(_token(form.get("name", "")))
        given = {name: form[name] for name in has if name in form and form[name].strip() != has[name]}
        if terms := issuing.read_terms(now, **given):
            issuing.change(parts().catalog, form["name"], terms)
            log.info("token changed", token=form["name"])
    except (BadRequest, NotFound) as e:
        return _refused(e)
    return redirect("/settings#tokens", 303)


@settings_page.post("/settings/tokens/revoke")
def revoke_token() -> str | Response | tuple[str, int]:
    """Revoke a token by its name, and end the sessions it started."""
    name = request.form.get("name", "")
    try:
        issuing.revoke(parts().catalog, name, now=parts().uploads.clock())
    except NotFound as e:
        return _refused(e)
    log.info("revoked", token=name)
    return redirect("/settings#tokens", 303)


@settings_page.post("/settings/doctor")
def call_doctor() -> str:
    """Make the doctor's checks, which takes up to a minute, and show what they found; 429 after six in an hour."""
    parts().limits.check_checkup()
    return _page(findings=checkup.visit())


@settings_page.post("/settings/theme")
def choose_theme() -> Response:
    """Have the pages light, dark, or as the system is, in this browser."""
    theme = request.form.get("theme", "")
    if theme not in THEMES:
        raise BadRequest(f"theme is {theme[:40]!r}; give {', '.join(THEMES)}")
    response = redirect("/settings#look", 303)
    options = {"httponly": True, "samesite": "Lax", "secure": is_https()}
    response.set_cookie("theme", theme, max_age=THEME_S, **options)  # type: ignore[arg-type]
    return response


def _refused(error: BowerbirdError) -> tuple[str, int]:
    log.info("refused", code=error.code, status=status_of(error), error=str(error))
    return _page(problem=str(error)), status_of(error)


def _page(**more: Any) -> str:
    catalog, settings, now = parts().catalog, parts().settings, parts().uploads.clock()
    found = [token for token in catalog.tokens.list() if not token.revoked_at]
    held = {one.name: one.size for one in catalog.tallies.by_holder()}
    return render_template(
        "settings.html",
        settings=settings,
        now=now,
        scopes=SCOPES,
        tokens=[(token, held.get(str(token.id), 0), issuing.show_terms(token)) for token in found[-_MOST:]],
        unshown=max(0, len(found) - _MOST),
        stats=stats.collect(catalog, now=now),
        kinds=[(kind, "free" if kind == "A" else f"{FREE_A_DAY:,} a day are free") for kind in KINDS],
        free_gb=FREE_GB,
        reach=reach.before(),
        report=jobs.collect(catalog, Heartbeat(settings.data_dir), now=now),
        damaged=catalog.thumbnails.failures(limit=_SHOWN),
        themes=THEMES,
        show_span=show_span,
        state_line=jobs.state_line,
        worker_line=jobs.worker_line,
        **more,
    )


def _token(name: str) -> Token:
    found = next((one for one in parts().catalog.tokens.list() if one.name == name and not one.revoked_at), None)
    if found is None:
        raise NotFound(f"there is no token named {name[:60]!r} in use")
    return found
