"""What is printed of an upload: its address in some form or JSON on stdout, a QR code on stderr, a copy."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from ..client.retry import Stopped
from ..client.sending import Outcome

FORMS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "url": lambda told: str(told["url"]),
    "markdown": lambda told: f"![]({told['url']})",
    "bbcode": lambda told: f"[img]{told['url']}[/img]",
    "html": lambda told: f'<img src="{told["url"]}" alt="">',
}


class Printer:
    """Prints outcomes in the order it is given them, and counts what is there and what is not."""

    def __init__(self, form: str, *, as_json: bool, to_copy: bool, to_draw: bool) -> None:
        self._form, self._as_json, self._to_copy, self._to_draw = FORMS[form], as_json, to_copy, to_draw
        self._lines: list[str] = []
        self.failed = 0

    @property
    def uploaded(self) -> int:
        """How many are there."""
        return len(self._lines)

    def print(self, outcome: Outcome) -> None:
        """Print what became of a source; what was given up is not worth a line."""
        if outcome.told:
            self._lines.append(self._form(outcome.told))
            click.echo(self._json(outcome, outcome.told) if self._as_json else self._lines[-1])
            if self._to_draw:
                _draw(outcome.url)
        elif not isinstance(outcome.error, Stopped):
            self.failed += 1
            if self._as_json and outcome.error:
                click.echo(self._json(outcome, {"error": str(outcome.error), "code": outcome.error.code}))

    def copy(self, last: int = 0) -> None:
        """Put on the clipboard what was printed, or the `last` lines of it; that this fails is told, and no more."""
        if not self._to_copy or not self._lines:
            return
        import pyperclip  # noqa: PLC0415 it looks for the clipboard when it is imported

        try:
            pyperclip.copy("\n".join(self._lines[-last:]))
        except pyperclip.PyperclipException:
            click.echo(
                "bowerbird: not copied: nothing here writes to a clipboard (install wl-clipboard or xclip)", err=True
            )

    @staticmethod
    def _json(outcome: Outcome, told: Mapping[str, Any]) -> str:
        return json.dumps({"file": outcome.source.label, **told})


def _draw(url: str) -> None:
    import segno  # noqa: PLC0415 most runs draw nothing

    segno.make(url, error="l").terminal(out=sys.stderr, compact=True)
