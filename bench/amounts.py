"""Lists of sizes and of numbers on the command line."""

import re
from typing import Any

import click

_UNITS = {"": 1, "b": 1, "kb": 1000, "mb": 1_000_000, "kib": 1024, "mib": 1024 * 1024}
_LEAST_BYTES, _MOST_BYTES = 4_000, 200_000_000
_MOST_CLIENTS = 1000


class Sizes(click.ParamType):
    """Sizes of images, such as `40kB,1MB`; 1 MB is 1,000,000 bytes, 1 MiB 1,048,576."""

    name = "SIZES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the sizes in bytes; a usage error names the one that is none."""
        if isinstance(value, tuple):
            return value
        found = []
        for text in value.split(","):
            match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
            if not match or match[2] not in _UNITS:
                self.fail(f"{text!r} is no size; give 40kB, 1MB or 1MiB", param, ctx)
            size = round(float(match[1]) * _UNITS[match[2]])
            if not _LEAST_BYTES <= size <= _MOST_BYTES:
                self.fail(f"{text!r} is {size:,} bytes; from 4 kB to 200 MB can be asked for", param, ctx)
            found.append(size)
        return tuple(found)


class Counts(click.ParamType):
    """Numbers of clients, such as `1,16,64`."""

    name = "COUNTS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the numbers; a usage error names the one that is none."""
        if isinstance(value, tuple):
            return value
        for text in value.split(","):
            if not text.strip().isdecimal() or not 1 <= int(text) <= _MOST_CLIENTS:
                self.fail(f"{text!r} is no number of clients; from 1 to {_MOST_CLIENTS:,} can be asked for", param, ctx)
        return tuple(int(text) for text in value.split(","))


SIZES, COUNTS = Sizes(), Counts()
