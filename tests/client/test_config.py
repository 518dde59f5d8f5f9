"""Which server is asked, and where its token lies: environment, profiles, keyring, file."""

import os
import pty
import subprocess
import sys

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from app.client import config
from app.client.config import Server
from app.errors import SettingsError
from tests.conftest import OWNER, UPLOADER


class MemoryKeyring(KeyringBackend):
    """A keyring that works, until it is locked."""

    priority = 1
    name = "memory"

    def __init__(self):
        super().__init__()
        self.kept = {}
        self.is_locked = False

    def set_password(self, service, username, password):
        if self.is_locked:
            raise KeyringLocked("locked")
        self.kept[service, username] = password

    def get_password(self, service, username):
        if self.is_locked:
            raise KeyringLocked("locked")
        return self.kept.get((service, username))

    def delete_password(self, service, username):
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("there is none")


@pytest.fixture
def memory():
    backend = MemoryKeyring()
    keyring.set_keyring(backend)
    return backend


def stdin(token):
    return f"{token}\n".encode()


def test_login_keeps_the_token_in_the_keyring_and_logout_takes_it_out(run, live_server, png, memory):
    done = run("login", f"{live_server.url}/api/upload", stdin=stdin(UPLOADER))

    assert (done.status, done.out) == (0, "")
    assert "the token is in the keyring (memory)" in done.err
    assert list(memory.kept.values()) == [UPLOADER]
    assert UPLOADER not in config.path().read_text()
    assert run("upload", png()).status == 0
    assert run("logout").status == 0
    assert not memory.kept
    assert "no server is known" in run("upload", png()).err


def test_without_a_keyring_it_is_in_the_file_which_others_cannot_read_and_that_is_said(run, live_server, png):
    done = run("login", live_server.url, stdin=stdin(UPLOADER))

    assert f"the token is in {config.path()}: there is no keyring here" in done.err
    assert config.path().stat().st_mode & 0o777 == 0o600
    assert run("upload", png()).status == 0
    config.path().chmod(0o644)
    assert "others on this machine can read" in run("upload", png()).err


def test_a_keyring_that_is_locked_is_told_as_a_missing_token(run, live_server, png, memory):
    run("login", live_server.url, stdin=stdin(UPLOADER))
    memory.is_locked = True

    done = run("upload", png())

    assert (done.status, done.out) == (2, "")
    assert f"there is no token for {live_server.url}" in done.err


@pytest.mark.parametrize(
    ("url", "token", "status", "told"),
    [
        ("{}", "bb_no-token-of-this-server-0123456789", 1, "the token is unknown, expired or revoked"),
        ("{}", "two words", 2, "that is no token of Bowerbird"),
        ("{}", "", 2, "no token"),
        ("{}/nowhere", UPLOADER, 1, "there is no Bowerbird at"),
        ("ftp://example.com", UPLOADER, 2, "is no address of a server"),
        ("https://me:secret@example.com", UPLOADER, 2, "is no address of a server"),
    ],
)
def test_what_the_server_does_not_take_is_not_kept(run, live_server, url, token, status, told):
    done = run("login", url.format(live_server.url), stdin=stdin(token) if token else b"")

    assert (done.status, done.out) == (status, "")
    assert told in done.err
    assert token not in done.err or not token
    assert not config.path().exists()


def test_profiles_are_told_apart_and_the_first_one_is_the_default(run, live_server, memory):
    run("login", live_server.url, "--profile", "work", stdin=stdin(UPLOADER))
    run("login", live_server.url, "--profile", "own", stdin=stdin(OWNER))

    assert config.choose(None, {}) == Server(live_server.url, UPLOADER)
    assert config.choose("own", {}) == Server(live_server.url, OWNER)
    with pytest.raises(SettingsError, match="there are: work, own"):
        config.choose("home", {})
    assert run("logout", "--profile", "work").status == 0
    assert config.choose(None, {}) == Server(live_server.url, OWNER)
    assert run("login", live_server.url, "--profile", "a b", stdin=stdin(OWNER)).status == 2


ELSEWHERE = "https://elsewhere.example.com"


@pytest.mark.parametrize(
    ("environ", "chosen"),
    [
        ({}, Server("https://up.example.com", OWNER)),
        ({"BOWERBIRD_TOKEN": UPLOADER}, Server("https://up.example.com", UPLOADER)),
        ({"BOWERBIRD_URL": ELSEWHERE, "BOWERBIRD_TOKEN": UPLOADER}, Server(ELSEWHERE, UPLOADER)),
        ({"BOWERBIRD_URL": "up.example.com/"}, Server("https://up.example.com", OWNER)),
        ({"BOWERBIRD_URL": ELSEWHERE}, None),  # the profile's token is for another address
    ],
)
def test_the_environment_wins_and_no_token_goes_where_it_does_not_belong(memory, environ, chosen):
    config.save("default", "https://up.example.com", OWNER)

    if chosen:
        assert config.choose(None, environ) == chosen
        assert config.choose("default", environ) == Server("https://up.example.com", OWNER)
    else:
        with pytest.raises(SettingsError, match="no token for https://elsewhere"):
            config.choose(None, environ)


@pytest.mark.parametrize("text", ["= 1", 'default = "a"\n[servers]\na = 1', "[servers.a]\nurl = 5", "\xff"])
def test_a_file_that_makes_no_sense_is_named(text):
    config.path().parent.mkdir(parents=True)
    config.path().write_bytes(text.encode("latin-1"))

    with pytest.raises(SettingsError, match=r"config\.toml"):
        config.load()


def test_plain_http_to_another_machine_is_warned_of():
    urls = [
        "http://up.example.com",
        "http://127.0.0.1:8080",
        "http://[::1]:80",
        "http://localhost",
        "https://example.com",
    ]

    assert [Server(url, OWNER).is_readable_on_the_way for url in urls] == [True, False, False, False, False]


def test_a_token_is_asked_for_without_an_echo(home, live_server):
    """At a terminal of its own, as `script` makes one."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "app.cli", "login", live_server.url]
    environment = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    seen = b""
    while b"Token" not in seen:
        seen += os.read(master, 1024)
    os.write(master, stdin(UPLOADER))
    assert process.wait(60) == 0
    seen += os.read(master, 4096)
    os.close(master)

    assert b"there is no keyring here" in seen
    assert UPLOADER.encode() not in seen
