"""The settings file: single values are read and set, every other line stays as it is."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values, set_key

from .errors import SettingsError

_PLAIN = re.compile(r"[^\s'\"`\\$#]*")


def read(path: Path) -> dict[str, str]:
    """Return the values in the file; none if there is no file. Raises SettingsError if it cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            values = dotenv_values(stream=file, interpolate=False)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as e:
        raise SettingsError([f"cannot read {path}: {getattr(e, 'strerror', None) or e.__class__.__name__}"]) from e
    return {name: value for name, value in values.items() if value is not None}


def write(path: Path, values: Mapping[str, str]) -> None:
    """Set `values` in the file, in place or at its end, for its owner alone (mode 0600).

    Whoever reads it meanwhile sees the old file or the new one. Raises SettingsError if that fails: the file is then
    as it was. A value has no white space and no quotes, so that a shell, systemd and Docker read it alike.
    """
    for name, value in values.items():
        if not _PLAIN.fullmatch(value):
            raise SettingsError([f"{name} has characters that a settings file cannot hold"])
    path = path.resolve()  # behind a link it is the file that changes, not the link
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(path.read_bytes() if path.exists() else b"")
        for name, value in values.items():
            set_key(temporary, name, value, quote_mode="never")
        Path(temporary).chmod(0o600)
        with Path(temporary).open("rb") as file:
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as e:
        raise SettingsError([f"cannot write {path}: {e.strerror}"]) from e
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
