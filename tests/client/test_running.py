"""The program as a whole: what a terminal shows, how much memory it needs, how it ends when it is told to."""

import os
import pty
import signal
import socket
import subprocess
import sys
import threading

from tests import samples
from tests.conftest import UPLOADER

PEAK = (
    "import atexit, resource, sys; atexit.register(lambda: print(resource.getrusage(0).ru_maxrss, file=sys.stderr)); "
)


def peak_kib(server, path):
    """Upload a file in a program of its own and return the most memory that it had."""
    script = f"{PEAK}sys.argv = ['bowerbird', 'upload', {str(path)!r}]; from app.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.startswith(server.url)
    return int(done.stderr.split()[-1])


def test_memory_stays_flat_for_a_large_file(server, png, home):
    small = png("small.png")
    large = home / "large.png"
    large.write_bytes(samples.make("png", seed=7001))
    os.truncate(large, 90 * 1024 * 1024)

    assert peak_kib(server, large) < peak_kib(server, small) + 8 * 1024


def test_a_terminal_gets_bars_and_stdout_the_addresses_alone(server, png, home):
    (home / "[bold]no.png").write_text("no image")
    command = [sys.executable, "-m", "app.cli", "upload", str(png("a.png")), "[bold]no.png", str(png("b.png"))]
    master, slave = pty.openpty()
    shown = []

    def read():
        try:
            while piece := os.read(master, 65536):
                shown.append(piece)
        except OSError:  # how a terminal says that it was closed
            return

    reading = threading.Thread(target=read)
    reading.start()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=slave, env=environment, check=False, timeout=120)
    os.close(slave)
    reading.join()
    os.close(master)

    told = b"".join(shown).decode()
    assert (done.returncode, len(done.stdout.splitlines())) == (1, 2)
    assert all(line.startswith(server.url.encode()) for line in done.stdout.splitlines())
    assert "3 of 3" in told
    assert "bowerbird: [bold]no.png: text/plain is not taken" in told


def test_ctrl_c_ends_it_soon_and_says_what_is_there(run, png, monkeypatch):
    monkeypatch.setattr("app.client.parallel.GRACE_S", 0.2)
    monkeypatch.setenv("BOWERBIRD_TOKEN", UPLOADER)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("BOWERBIRD_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        taken = []

        def interrupt():
            taken.append(silent.accept()[0])
            os.kill(os.getpid(), signal.SIGINT)

        waiting = threading.Thread(target=interrupt)
        waiting.start()
        done = run("upload", png("a.png"), png("b.png"))
        waiting.join()
        for sock in taken:
            sock.close()

    assert (done.status, done.out) == (1, "")
    assert done.err.splitlines()[-1] == "bowerbird: stopped; 0 of 2 are there"
