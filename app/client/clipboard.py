"""The image on the clipboard, by the program that reads it on this system."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import Refused

TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/tiff", "image/bmp")
NOTHING = "there is no image on the clipboard"
TIMEOUT_S = 20  # the program that holds the image has to hand it over

_APPLE = """on run argv
  set image to the clipboard as «class PNGf»
  set target to open for access POSIX file (item 1 of argv) with write permission
  write image to target
  close access target
end run"""
_WINDOWS = (
    "Add-Type -AssemblyName System.Windows.Forms, System.Drawing; "
    "$image = [System.Windows.Forms.Clipboard]::GetImage(); "
    "if ($null -eq $image) { exit 1 }; "
    "$image.Save($env:BOWERBIRD_CLIPBOARD, [System.Drawing.Imaging.ImageFormat]::Png)"
)


def read_image(into: Path, *, platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> None:
    """Write the image on the clipboard into a file; raise Refused if there is none, or nothing that can read it."""
    if platform == "darwin":
        _run(["osascript", "-e", _APPLE, str(into)], environ)
    elif platform == "win32":
        command = ["powershell", "-NoProfile", "-NonInteractive", "-STA", "-Command", _WINDOWS]
        _run(command, {**environ, "BOWERBIRD_CLIPBOARD": str(into)})
    else:
        into.write_bytes(_of_desktop(environ))
    if not into.exists() or not into.stat().st_size:
        raise Refused(NOTHING)


def _of_desktop(environ: Mapping[str, str]) -> bytes:
    """Return the image of a Wayland or X11 clipboard."""
    wayland, x11 = ["wl-paste", "--no-newline", "--type"], ["xclip", "-selection", "clipboard", "-o", "-t"]
    if environ.get("WAYLAND_DISPLAY") and shutil.which("wl-paste", path=environ.get("PATH")):
        listed, read = _run(["wl-paste", "--list-types"], environ), wayland
    elif environ.get("DISPLAY") and shutil.which("xclip", path=environ.get("PATH")):
        listed, read = _run([*x11, "TARGETS"], environ), x11
    elif environ.get("WAYLAND_DISPLAY") or environ.get("DISPLAY"):
        raise Refused("nothing here reads the clipboard: install wl-clipboard (Wayland) or xclip (X11)")
    else:
        raise Refused("there is no clipboard: this is not a desktop session")
    offered = listed.decode("utf-8", "replace").split()
    kind = next((kind for kind in TYPES if kind in offered), None)
    if kind is None:
        raise Refused(NOTHING)
    return _run([*read, kind], environ)


def _run(command: list[str], environ: Mapping[str, str]) -> bytes:
    try:
        done = subprocess.run(command, env=dict(environ), capture_output=True, check=False, timeout=TIMEOUT_S)
    except FileNotFoundError as e:
        raise Refused(f"nothing here reads the clipboard: there is no {command[0]}") from e
    except subprocess.TimeoutExpired as e:
        raise Refused(f"the clipboard was not handed over within {TIMEOUT_S} seconds") from e
    if done.returncode:
        raise Refused(NOTHING)
    return done.stdout
