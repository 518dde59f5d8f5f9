"""Programs of a desktop as they behave, in a folder that is the whole PATH; what they are given is kept beside it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

REAL = (
    "bash",
    "env",
    "curl",
    "sed",
    "head",
    "tail",
    "mktemp",
    "rm",
    "cat",
    "readlink",
    "chmod",
    "mkdir",
    "zsh",
    "fish",
)

# Each writes the picture named in PICTURE, or behaves as it does when the user presses Escape.
_CAPTURE = {
    # 12: a word on stderr, nothing on stdout, and 0
    "flameshot": '[ "$*" = "gui --raw" ] || exit 64; [ "$PICTURE" ] && exec cat "$PICTURE"; echo aborted >&2',
    # in the background it ends with 0 and writes nothing
    "spectacle": '[ "$1 $2 $3 $4" = "--background --nonotify --region --output" ] || exit 64; '
    '[ -z "$PICTURE" ] || exec cat "$PICTURE" >"$5"',
    "slurp": '[ "$PICTURE" ] && echo "10,20 300x200"; [ "$PICTURE" ] || { echo "selection cancelled" >&2; exit 1; }',
    # with an empty region it complains
    "grim": '[ "$1 $2" = "-g 10,20 300x200" ] || { echo "invalid region" >&2; exit 1; }; exec cat "$PICTURE" >"$3"',
    "gnome-screenshot": '[ "$1" = --area ] || exit 64; [ -z "$PICTURE" ] || exec cat "$PICTURE" >"${2#--file=}"',
    "maim": '[ "$1 $2" = "--select --hidecursor" ] || exit 64; [ "$PICTURE" ] || exit 1; exec cat "$PICTURE" >"$3"',
    "scrot": '[ "$1" = --select ] || exit 64; [ "$PICTURE" ] || exit 2; exec cat "$PICTURE" >"$2"',
}
_DESKTOP = {
    "wl-copy": '[ "$1" = -- ] && shift; printf %s "$*" >"$KEPT/clipboard"',
    # it stays in the background to answer for the selection, with the output it was given
    "xclip": '[ "$*" = "-selection clipboard" ] || exit 64; cat >"$KEPT/clipboard"; sleep 30 & echo $! >"$KEPT/xclip"',
    "pbcopy": 'cat >"$KEPT/clipboard"',
    "notify-send": '[ "$1 $2" = "--app-name=Bowerbird --" ] || exit 64; printf "%s|%s" "$3" "$4" >"$KEPT/told"',
    "osascript": 'while [ "$1" != -- ]; do shift; done; printf "%s|%s" "$2" "$3" >"$KEPT/told"',
}


@dataclass
class Desktop:
    """A folder of programs, and what was done with them."""

    path: Path
    environment: dict[str, str]

    def add(self, *names: str) -> None:
        """Install programs."""
        for name in names:
            script = self.path / name
            script.write_text(f"#!{shutil.which('bash')}\n{({**_CAPTURE, **_DESKTOP})[name]}\n")
            script.chmod(0o755)

    def run(
        self, *command: str, cwd: Path | None = None, picture: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program; `picture` is what will be captured, and without one the user aborts."""
        environment = self.environment | {"PICTURE": str(picture or "")}
        return subprocess.run(
            [shutil.which(command[0], path=str(self.path)) or command[0], *command[1:]],
            env=environment,
            cwd=cwd or self.path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def kept(self, name: str) -> str | None:
        """Return the `clipboard` or what was `told`; None if nothing was."""
        path = self.path.parent / name
        return path.read_text() if path.exists() else None


def make(folder: Path, *names: str) -> Desktop:
    """Return a desktop in an empty folder with these programs and those that every system has."""
    path = folder / "bin"
    path.mkdir()
    for name in (*REAL, "sleep"):
        if found := shutil.which(name):
            (path / name).symlink_to(found)
    home = folder / "home"
    home.mkdir()
    environment = {
        "PATH": str(path),
        "KEPT": str(folder),
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(folder),
    }
    desktop = Desktop(path, environment)
    desktop.add(*names)
    return desktop
