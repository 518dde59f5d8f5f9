"""The command line as its user has it: a home of its own, no keyring unless a test brings one, a server elsewhere."""

import io
import sys
from dataclasses import dataclass

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from app.cli import main
from tests import samples
from tests.conftest import UPLOADER


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def lines(self):
        return self.out.splitlines()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty home, which is where the command runs, without a keyring."""
    for name, folder in (("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")):
        monkeypatch.setenv(name, str(tmp_path / "home" / folder))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield tmp_path / "home"
    keyring.set_keyring(before)


@pytest.fixture
def run(monkeypatch, capfd):
    """Run `bowerbird` with some words and, on standard input, some bytes."""

    def run(*words, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["bowerbird", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return Done(ended.value.code or 0, out, err)

    return run


@pytest.fixture
def server(live_server, monkeypatch):
    """The server, told by the environment."""
    monkeypatch.setenv("BOWERBIRD_URL", live_server.url)
    monkeypatch.setenv("BOWERBIRD_TOKEN", UPLOADER)
    return live_server


@pytest.fixture
def png(home):
    """Make a small image that no other test has, under a name."""
    made = iter(range(10_000))

    def make(name="shot.png"):
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(samples.make("png", 16, 12, seed=hash(str(home)) % 10**9 + next(made)))
        return path

    return make
