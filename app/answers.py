"""An HTTP answer as it came, for those who have to find out what answered."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have lower-case names; of a large `body` the first bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body, whatever it is."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_html(self) -> bool:
        """Whether it is a page: neither S3 nor B2 ever answers with one."""
        return "html" in self.headers.get("content-type", "") or self.body.lstrip().lower().startswith(_PAGE)


_PAGE = (b"<!doctype html", b"<html")
