"""The clipboard, read by programs that stand in for those of the desktops: each hands over what they hand over."""

import os

import pytest

from app.client.clipboard import read_image
from app.errors import Refused
from tests import samples
from tests.client.asking import content

XCLIP = """#!/bin/sh
[ "$*" = "-selection clipboard -o -t TARGETS" ] && printf 'TIMESTAMP\\nimage/png\\n'
[ "$*" = "-selection clipboard -o -t image/png" ] && cat "$IMAGE"
exit 0
"""
WL_PASTE = """#!/bin/sh
[ "$*" = "--list-types" ] && printf 'text/html\\nimage/png\\n'
[ "$*" = "--no-newline --type image/png" ] && cat "$IMAGE"
exit 0
"""
TEXT_ALONE = "#!/bin/sh\nprintf 'text/plain\\n'\n"
NO_CLIPBOARD = "#!/bin/sh\nexit 1\n"
OSASCRIPT = '#!/bin/sh\ncase "$2" in *PNGf*) cat "$IMAGE" > "$3";; esac\n'
POWERSHELL = '#!/bin/sh\ncase "$*" in *-STA*GetImage*) cat "$IMAGE" > "$BOWERBIRD_CLIPBOARD";; esac\n'


@pytest.fixture
def desktop(home):
    """A PATH with some programs in it, and an image for them."""
    (home / "image").write_bytes(samples.make("png", 9, 9, seed=5001))

    def make(**programs):
        folder = home / "programs"
        folder.mkdir(exist_ok=True)
        for name, text in programs.items():
            (folder / name.replace("_", "-")).write_text(text)
            (folder / name.replace("_", "-")).chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}", "IMAGE": str(home / "image")}

    return make


@pytest.mark.parametrize(
    ("platform", "programs", "session"),
    [
        ("linux", {"wl_paste": WL_PASTE, "xclip": NO_CLIPBOARD}, {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}),
        ("linux", {"xclip": XCLIP}, {"WAYLAND_DISPLAY": "wayland-0", "DISPLAY": ":0"}),
        ("linux", {"xclip": XCLIP}, {"DISPLAY": ":0"}),
        ("darwin", {"osascript": OSASCRIPT}, {}),
        ("win32", {"powershell": POWERSHELL}, {}),
    ],
)
def test_the_image_is_read_by_the_program_of_the_desktop(desktop, home, platform, programs, session, monkeypatch):
    environ = {**desktop(**programs), **session}
    monkeypatch.setenv("PATH", environ["PATH"])  # where programs are looked for is the caller's

    read_image(home / "read", platform=platform, environ=environ)

    assert (home / "read").read_bytes() == (home / "image").read_bytes()


@pytest.mark.parametrize(
    ("platform", "programs", "session", "told"),
    [
        ("linux", {"wl_paste": TEXT_ALONE}, {"WAYLAND_DISPLAY": "wayland-0"}, "there is no image on the clipboard"),
        ("linux", {"xclip": NO_CLIPBOARD}, {"DISPLAY": ":0"}, "there is no image on the clipboard"),
        ("linux", {}, {"DISPLAY": ":0"}, r"install wl-clipboard \(Wayland\) or xclip \(X11\)"),
        ("linux", {}, {}, "not a desktop session"),
        ("darwin", {}, {}, "there is no osascript"),
        ("win32", {"powershell": NO_CLIPBOARD}, {}, "there is no image on the clipboard"),
    ],
)
def test_why_there_is_none_is_said(desktop, home, platform, programs, session, told, monkeypatch):
    environ = {**desktop(**programs), **session}
    environ["PATH"] = environ["PATH"].split(":")[0] + ":/bin"
    monkeypatch.setenv("PATH", environ["PATH"])

    with pytest.raises(Refused, match=told):
        read_image(home / "read", platform=platform, environ=environ)


def test_it_is_uploaded(run, server, desktop, monkeypatch):
    for name, value in {**desktop(xclip=XCLIP), "DISPLAY": ":0"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    done = run("upload", "--clipboard")

    assert content(done.lines[0])[:4] == b"\x89PNG"
