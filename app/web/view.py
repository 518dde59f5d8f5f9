"""What of the gallery is looked at: read from an address or a form, and written into the addresses of other pages."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from ..catalog.albums import Album
from ..catalog.library import Page
from ..errors import NotFound
from ..paging import Cursor, encode
from ..search import Query, Sort
from . import parts
from .library import read_cursor, read_query

PAGE = 48  # divides into rows of any length that fit a screen; twice this is a page of 100 kB
_NAMES = ("q", "tag", "album", "sort")


@dataclass(frozen=True, slots=True)
class View:
    """A list: `fields` are those that are set, as they were given; `album` is the one that it is of."""

    fields: dict[str, str]
    query: Query
    album: Album | None

    def page(self, cursor: str | None) -> Page:
        """Return the uploads of a page; raise BadRequest for a cursor that is none."""
        return parts().catalog.library.page(
            self.query, now=parts().uploads.clock(), limit=PAGE, after=read_cursor(cursor)
        )

    def address(self, key: str = "", **more: str | None) -> str:
        """Return the address of this list, or of the image `key` as one of it; `more` fields stand behind."""
        return address(self.fields, key, **more)

    def next(self, page: Page) -> str | None:
        """Return the address of the page behind `page`, or None."""
        return self.address(cursor=encode(page.next)) if page.next else None


def fields_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return what names a list among `given`; the order that is there anyway is not named."""
    found = {name: given[name].strip() for name in _NAMES if given.get(name, "").strip()}
    if found.get("sort") == Sort.NEWEST:
        del found["sort"]
    return found


def read_view(given: Mapping[str, str]) -> View:
    """Return the list that `given` names; raise BadRequest for what makes no sense, NotFound for a missing album."""
    fields = fields_of(given)
    tags = [fields["tag"]] if "tag" in fields else []
    query = read_query(fields.get("q", ""), tags, fields.get("sort"), fields.get("album"))
    album = parts().catalog.albums.get(query.album_id) if query.album_id is not None else None
    if query.album_id is not None and album is None:
        raise NotFound("there is no such album")
    return View(fields, query, album)


def address(fields: Mapping[str, str], key: str = "", **more: str | None) -> str:
    """Return the address of a list, or of one image as part of it."""
    path = f"/gallery/{quote(key)}" if key else "/gallery"
    query = urlencode({**fields, **{name: value for name, value in more.items() if value}})
    return f"{path}?{query}" if query else path


def beside(view: View, place: Cursor) -> tuple[str | None, str | None]:
    """Return the keys of the images before and behind `place` in a list."""
    return _first(view.query, place, is_turned=True), _first(view.query, place, is_turned=False)


def _first(query: Query, place: Cursor, *, is_turned: bool) -> str | None:
    asked = replace(query, sort=query.sort.turned) if is_turned else query
    page = parts().catalog.library.page(asked, now=parts().uploads.clock(), limit=1, after=place)
    return page.uploads[0].key if page.uploads else None
