"""systemd hears that the server is ready when it is, and not what gunicorn would tell it."""

import os
import socket

import pytest

from app.systemd import told_at_the_end


@pytest.mark.parametrize("is_abstract", [False, True])
def test_systemd_is_told_once_and_at_the_end(tmp_path, monkeypatch, is_abstract):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        path = str(tmp_path / "notify")
        systemd.bind(f"\0{path}" if is_abstract else path)
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", address := f"@{path}" if is_abstract else path)

        with told_at_the_end():
            assert "NOTIFY_SOCKET" not in os.environ
            with pytest.raises(BlockingIOError):
                systemd.recv(100)

        assert systemd.recv(100) == b"READY=1"
        assert os.environ["NOTIFY_SOCKET"] == address


def test_systemd_is_told_nothing_of_what_failed(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        with pytest.raises(SystemExit), told_at_the_end():
            raise SystemExit(1)

        with pytest.raises(BlockingIOError):
            systemd.recv(100)
