"""The scripts of the clients, run against a real server: what they print, copy and tell, also when it fails."""

import configparser
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from app.clients import Host, file_name, fill, find
from tests import samples
from tests.clients import programs
from tests.conftest import OWNER, UPLOADER

SEEDS = itertools.count(7_000)  # the same bytes again get the first answer
NAMES = ["a b.png", "it's.png", 'say "hi".png', "a;b,c=d&e.png", "-dash.png", "--help", "ünï 😀.png", "[1]{a,b}*.png"]
NAMES += ["per%20cent%.png", "back\\slash.png", "#what?.png", "@at", "$(id)`id`.png"]


@pytest.fixture
def desktop(tmp_path):
    desktop = programs.make(tmp_path)
    yield desktop
    if process := desktop.kept("xclip"):
        with suppress(ProcessLookupError):
            os.kill(int(process), signal.SIGKILL)


@pytest.fixture
def picture(tmp_path):
    return image(tmp_path / "captured")


@pytest.fixture
def script(desktop, live_server):
    """Write a client's script where its guide puts it; return the path."""

    def write(name, token=UPLOADER, url=live_server.url):
        folder = Path(desktop.environment["HOME"]) / ".local" / "bin"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / file_name(find(name), Host(url))
        path.write_text(fill(find(name), Host(url), token))
        path.chmod(0o700)
        return str(path)

    return write


def image(path):
    path.write_bytes(samples.make("png", seed=next(SEEDS)))
    return path


def told_of(url):
    """Return what the server knows of an upload."""
    key = url.rsplit("/", 1)[1]
    request = urllib.request.Request(
        f"{url.rsplit('/', 1)[0]}/api/uploads/{key}", headers={"Authorization": f"Bearer {OWNER}"}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


TOOLS = ["flameshot", "spectacle", "gnome", "grim", "maim"]


@pytest.mark.parametrize("name", [*TOOLS, "scrot"])
def test_a_screenshot_is_uploaded_copied_and_told(desktop, script, picture, live_server, name):
    desktop.add(*{"grim": ("grim", "slurp"), "gnome": ("gnome-screenshot",)}.get(name, (name,)), "xclip", "notify-send")
    done = desktop.run(
        script("maim" if name == "scrot" else name), *(["scrot"] if name == "scrot" else []), picture=picture
    )

    assert done.returncode == 0, done.stderr
    url = done.stdout.removesuffix("\n")
    assert re.fullmatch(rf"{live_server.url}/\w+\.png", url)
    assert urllib.request.urlopen(url).read() == picture.read_bytes()
    assert (desktop.kept("clipboard"), desktop.kept("told")) == (url, f"Uploaded|{url}")
    assert not list(desktop.path.parent.glob("tmp.*")), "nothing stays"


@pytest.mark.parametrize("name", TOOLS)
def test_an_aborted_screenshot_uploads_nothing_and_says_so(desktop, script, name):
    desktop.add("flameshot", "spectacle", "gnome-screenshot", "grim", "slurp", "maim", "xclip", "notify-send")
    done = desktop.run(script(name))

    assert done.returncode == 1 and done.stdout == ""
    assert "nothing was captured" in done.stderr
    assert desktop.kept("clipboard") is None and desktop.kept("told") is None


def test_flameshots_word_in_the_place_of_a_picture_is_no_picture(desktop, script, tmp_path):
    desktop.add("flameshot", "xclip")
    (tmp_path / "word").write_text("screenshot aborted\n")
    done = desktop.run(script("flameshot"), picture=tmp_path / "word")

    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing was captured" in done.stderr


def test_under_wayland_wl_copy_has_the_clipboard(desktop, script, picture):
    desktop.add("flameshot", "wl-copy", "xclip")
    desktop.environment["WAYLAND_DISPLAY"] = "wayland-0"
    done = desktop.run(script("flameshot"), picture=picture)

    assert desktop.kept("clipboard") == done.stdout.strip() != ""
    assert desktop.kept("xclip") is None


def test_without_a_clipboard_the_address_is_told_all_the_same(desktop, script, picture):
    desktop.add("flameshot", "notify-send")
    done = desktop.run(script("flameshot"), picture=picture)

    assert done.returncode == 0 and done.stdout.startswith("http")
    assert desktop.kept("told") == f"Uploaded, not copied|{done.stdout.strip()}"


def test_a_program_that_nobody_knows_is_named(desktop, script):
    done = desktop.run(script("grim"), "paint")

    assert done.returncode == 1
    assert "paint: none of flameshot" in done.stderr


@pytest.mark.parametrize(
    ("token", "url", "word"),
    [("bb_wrong-token-0123456789", None, "the token is unknown"), (UPLOADER, "http://127.0.0.1:9", "curl: (7)")],
)
def test_a_refusal_is_told_in_the_servers_words_and_a_dead_line_in_curls(
    desktop, script, picture, live_server, token, url, word
):
    desktop.add("flameshot", "xclip", "notify-send")
    done = desktop.run(script("flameshot", token, url or live_server.url), picture=picture)

    assert (done.returncode, done.stdout, desktop.kept("clipboard")) == (1, "", None)
    title, _, told = desktop.kept("told").partition("|")
    assert title == "Not uploaded"
    assert told.startswith(word) and "{" not in told


# ksnip


def test_ksnip_gets_the_address_and_nothing_else(desktop, script, picture, live_server):
    done = desktop.run(script("ksnip"), str(picture))

    assert re.fullmatch(rf"{live_server.url}/\w+\.png", done.stdout)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9"])
def test_ksnip_gets_an_error_on_stderr_alone(desktop, script, picture, live_server, url):
    done = desktop.run(script("ksnip", "bb_wrong-token-0123456789", url or live_server.url), str(picture))

    assert done.stdout == "" and done.returncode == 1
    assert done.stderr.startswith("the token is unknown" if url is None else "curl: (7)")
    assert done.stderr.count("\n") == 1


# Dolphin


def exec_of(text, files):
    """Return the command of a desktop entry: the value's own escapes, then quotes, then field codes.

    Source: https://specifications.freedesktop.org/desktop-entry-spec/latest/, "Value types" and "The Exec key".
    """
    config = configparser.RawConfigParser(strict=True)
    config.optionxform = str
    config.read_string(text)
    assert config["Desktop Entry"]["Actions"] == "bowerbirdUpload"
    value = re.sub(
        r"\\(.)", lambda found: {"s": " ", "\\": "\\"}[found[1]], config["Desktop Action bowerbirdUpload"]["Exec"]
    )
    quoted, code = re.fullmatch(r'"((?:[^"\\]|\\.)*)" (%F)', value).groups()
    assert code == "%F"
    return [re.sub(r"\\([\"`$\\])", r"\1", quoted).replace("%%", "%"), *files]


def test_dolphins_entry_installs_itself_and_uploads_what_it_is_given(desktop, script, tmp_path):
    desktop.add("xclip", "notify-send")
    odd = tmp_path / 'a "home" $HOME `id` 100% \\ of mine'
    odd.mkdir()
    desktop.environment["HOME"] = str(odd)
    installed = desktop.run("bash", script("dolphin"))
    entry = odd / ".local/share/kio/servicemenus/bowerbird-upload.desktop"
    files = [image(tmp_path / name) for name in ("-a.png", "b c.png")]
    done = desktop.run(*exec_of(entry.read_text(), map(str, files)))

    assert (installed.returncode, installed.stderr) == (0, "") and str(entry) in installed.stdout
    assert entry.stat().st_mode & 0o111, "KDE asks for it"
    assert done.returncode == 0, done.stderr
    urls = done.stdout.splitlines()
    assert [told_of(url)["file_name"] for url in urls] == ["-a.png", "b c.png"]
    assert desktop.kept("clipboard") == "\n".join(urls)
    assert desktop.kept("told") == f"Uploaded|{desktop.kept('clipboard')}"


def test_dolphin_tells_which_file_was_refused(desktop, script, tmp_path):
    desktop.add("xclip", "notify-send")
    (tmp_path / "no image.png").write_text("no image")
    done = desktop.run(script("dolphin"), str(tmp_path / "no image.png"))

    assert done.returncode == 1 and desktop.kept("clipboard") is None
    assert desktop.kept("told").startswith("Not uploaded: no image.png|")


# Functions of shells, and the Finder

SHELLS = {
    "bash": ("shell", ["bash", "-c", 'source "$0" && bbup "$@"']),
    "zsh": ("shell", ["zsh", "-fc", 'source "$0" && bbup "$@"']),
    "fish": ("fish", ["fish", "--no-config", "-c", "source $argv[1] && bbup $argv[2..]"]),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_function_uploads_files_with_any_name(desktop, script, tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this machine")
    client, command = SHELLS[shell]
    there = tmp_path / "files"
    there.mkdir()
    for name in NAMES:
        image(there / name)
    done = desktop.run(*command, script(client), *NAMES, cwd=there)

    assert (done.returncode, done.stderr) == (0, "")
    urls = done.stdout.splitlines()
    known = [told_of(url)["file_name"] for url in urls]
    assert known == [name.rsplit("\\")[-1] for name in NAMES], "the last part of a path of Windows"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_function_ends_at_the_first_file_that_is_refused(desktop, script, tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this machine")
    client, command = SHELLS[shell]
    first, bad, missing = image(tmp_path / "good.png"), tmp_path / "bad.png", tmp_path / "missing.png"
    bad.write_text("no image")
    done = desktop.run(*command, script(client), *map(str, (first, bad, missing)))

    assert done.returncode == 1 and len(done.stdout.splitlines()) == 1
    assert done.stderr.startswith(f"{bad}: text/plain is not taken; send PNG") and done.stderr.count("\n") == 1
    none = desktop.run(*command, script(client), str(missing))
    assert none.returncode == 1 and "missing.png" in none.stderr and none.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_finders_action_copies_and_tells(desktop, script, tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not on this machine")
    desktop.add("pbcopy", "osascript")
    files = [str(image(tmp_path / name)) for name in ("a b.png", "ü.png")]
    done = desktop.run(shell, script("finder"), *files)
    urls = (desktop.kept("clipboard") or "").splitlines()

    assert (done.returncode, done.stderr) == (0, "")
    assert [told_of(url)["file_name"] for url in urls] == ["a b.png", "ü.png"]
    assert desktop.kept("told") == "Uploaded|" + "\n".join(urls)
    bad = desktop.run(shell, script("finder", "bb_wrong-token-0123456789"), files[0])
    assert bad.returncode == 1 and desktop.kept("told").startswith("Not uploaded: a b.png|the token is unknown")


@pytest.mark.skipif(not shutil.which("pwsh"), reason="there is no PowerShell on this machine")
def test_powershell_runs_the_function(script, tmp_path):
    files = [str(image(tmp_path / name)) for name in ("a [1].png", "it's.png")]
    quoted = ",".join("'" + one.replace("'", "''") + "'" for one in files)
    command = f". '{script('powershell')}'; Send-Bowerbird -Path {quoted}"
    done = subprocess.run(
        ["pwsh", "-NoProfile", "-Command", command], capture_output=True, text=True, timeout=120, check=False
    )

    assert [told_of(url)["file_name"] for url in done.stdout.split()] == ["a [1].png", "it's.png"], done.stderr


def test_no_script_shows_its_token_to_others_on_the_machine(desktop, script, picture, tmp_path):
    seen = tmp_path / "arguments"
    (desktop.path / "curl").unlink()
    (desktop.path / "curl").write_text(
        f'#!{sys.executable}\nimport sys\nopen({str(seen)!r}, "a").write(" ".join(sys.argv))\n'
    )
    (desktop.path / "curl").chmod(0o755)
    desktop.add("flameshot", "pbcopy", "osascript")
    for name in ("flameshot", "ksnip", "dolphin", "finder"):
        desktop.run("bash", script(name), *([] if name == "flameshot" else [str(picture)]), picture=picture)
    desktop.run(*SHELLS["bash"][1], script("shell"), str(picture))

    assert seen.read_text().count("/api/upload/") == 5
    assert UPLOADER not in seen.read_text()
