"""The guides of docs/clients: what to click, in order, told once for the docs, the pages and the command line."""

from dataclasses import dataclass

from ..resources import folder
from .filling import Host, told
from .table import Client


@dataclass(frozen=True, slots=True)
class Guide:
    """A client's guide as Markdown: `steps` is what has to be done, `more` what may be known beside."""

    title: str
    steps: str
    more: str


def guide(client: Client, host: Host) -> Guide:
    """Return the guide of a client, with this host's address in it."""
    text = told((folder("docs") / "clients" / f"{client.name}.md").read_text(encoding="utf-8"), host)
    title, _, rest = text.removeprefix("# ").partition("\n")
    steps, mark, more = rest.partition("\n## ")
    return Guide(title.strip(), steps.strip(), f"## {more.strip()}" if mark else "")
