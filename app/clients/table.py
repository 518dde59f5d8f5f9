"""The table of clients: what each is called, what it runs on, and the file that sets it up."""

import re
from dataclasses import dataclass
from enum import Enum

from ..errors import NotFound


class Needs(Enum):
    """What is filled into a client's file beside the address of this server."""

    TOKEN = "token"  # noqa: S105 no secret
    BUCKET = "bucket"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Client:
    """A program that uploads. `template` is its file in sharex/; `file_name` is what the filled one is called, in which
    HOST is the name of the server. Its steps are those of docs/clients/NAME.md."""

    name: str
    title: str
    system: str
    template: str
    file_name: str
    needs: Needs = Needs.TOKEN
    content_type: str = "text/plain; charset=utf-8"
    is_program: bool = False  # the file is run, so it has to be executable
    tool: str = ""  # which program screenshot.sh takes when it is told of none
    is_pasted: bool = False  # what is wanted is the text on the clipboard


SYSTEMS = {
    "windows": "Windows",
    "macos": "macOS",
    "linux": "Linux",
    "android": "Android",
    "ios": "iPhone and iPad",
    "browser": "Browser",
    "programs": "Chats and editors",
    "shell": "Command line",
    "s3": "S3, past Bowerbird",
}

_JSON = "application/json"


def _screenshot(name: str, title: str, tool: str) -> Client:
    return Client(name, title, "linux", "screenshot.sh", f"bowerbird-{name}", is_program=True, tool=tool)


CLIENTS = (
    Client("sharex", "ShareX", "windows", "bowerbird.sxcu", "HOST.sxcu", content_type=_JSON),
    Client("sendto", "“Send to” menu", "windows", "sendto.cmd", "Bowerbird.cmd"),
    Client("powershell", "PowerShell", "windows", "Send-Bowerbird.ps1", "Send-Bowerbird.ps1", is_pasted=True),
    Client("ishare", "ishare", "macos", "bowerbird.iscu", "HOST.iscu", content_type=_JSON),
    Client("finder", "Finder quick action", "macos", "finder.sh", "bowerbird-finder.sh", is_pasted=True),
    _screenshot("flameshot", "Flameshot", "flameshot"),
    Client("ksnip", "ksnip", "linux", "ksnip.sh", "bowerbird-ksnip", is_program=True),
    _screenshot("spectacle", "Spectacle", "spectacle"),
    _screenshot("gnome", "GNOME", "gnome-screenshot"),
    _screenshot("grim", "grim and slurp", "grim"),
    _screenshot("maim", "maim or scrot", "maim"),
    Client("dolphin", "Dolphin menu", "linux", "dolphin.sh", "bowerbird-dolphin", is_program=True),
    Client("http-shortcuts", "HTTP Shortcuts", "android", "http-shortcuts.json", "shortcuts.json", content_type=_JSON),
    Client("xerahs", "XerahS on a phone", "android", "xerahs.txt", "xerahs.txt", is_pasted=True),
    Client(
        *("shortcuts", "Apple Shortcuts", "ios", "bowerbird.shortcut", "bowerbird.shortcut"),
        content_type="application/x-plist",
    ),
    Client("bookmarklet", "Bookmarklet", "browser", "bookmarklet.js", "bowerbird-bookmarklet.txt", Needs.NOTHING),
    Client("chatterino", "Chatterino", "programs", "bowerbird.sxcu", "HOST.sxcu", content_type=_JSON, is_pasted=True),
    Client(
        *("picgo", "PicGo, for Typora and Obsidian", "programs", "picgo.json", "config.json"),
        content_type=_JSON,
        is_pasted=True,
    ),
    Client("command-line", "The command line", "shell", "config.toml", "config.toml"),
    Client("shell", "bash and zsh", "shell", "shell.sh", "bowerbird.sh", is_pasted=True),
    Client("fish", "fish", "shell", "bbup.fish", "bbup.fish", is_pasted=True),
    Client("rclone", "rclone", "s3", "rclone.conf", "bowerbird-rclone.conf", Needs.BUCKET),
    Client("aws", "aws-cli and boto3", "s3", "aws.ini", "bowerbird-aws.ini", Needs.BUCKET),
    Client("s3cmd", "s3cmd", "s3", "s3cfg.ini", "bowerbird-s3cmd.cfg", Needs.BUCKET),
)

_BY_NAME = {client.name: client for client in CLIENTS}
# Android says Linux too, and an iPhone that it is like Mac OS X.
_SYSTEM_WORDS = {
    "windows": r"Windows",
    "android": r"Android",
    "ios": r"iPhone|iPad|iOS",
    "macos": r"Macintosh|macOS",
    "linux": r"Linux|X11",
}


def find(name: str) -> Client:
    """Return the client of this name; raise NotFound if there is none."""
    if name not in _BY_NAME:
        raise NotFound(f"there is no client called {name[:40]!r}")
    return _BY_NAME[name]


def system_of(told: str) -> str | None:
    """Return the system that a browser's User-Agent or Sec-CH-UA-Platform names, or None.

    >>> system_of("Mozilla/5.0 (Linux; Android 14; Pixel 8)"), system_of('"macOS"'), system_of("curl/8.5.0")
    ('android', 'macos', None)
    """
    return next((system for system, words in _SYSTEM_WORDS.items() if re.search(words, told)), None)
