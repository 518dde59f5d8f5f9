"""The end of a refused body that is too long to be read."""

import select
import socket
from contextlib import suppress

import pytest

from app.web.drain import Drain


def test_a_client_that_waits_for_room_to_send_learns_at_once_that_its_body_is_given_up(make_settings):
    """Its window is closed by then: a shutdown alone would leave it waiting until the kernel forgets the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        client.setblocking(False)
        while select.select([], [client], [], 0.5)[1]:
            with suppress(BlockingIOError):
                client.send(bytes(64 * 1024))

        with server, server.makefile("rb") as body:
            environ = {"CONTENT_LENGTH": "1000000000", "wsgi.input": body, "gunicorn.socket": server}
            answer = Drain(lambda *_: [b"refused"], make_settings(drain_bytes="1"))(environ, lambda *_: None)
            assert list(answer) == [b"refused"]
            answer.close()
            while server.recv(64 * 1024):  # as gunicorn looks for the next request
                pass

        client.settimeout(10)
        with pytest.raises(ConnectionError):
            while True:
                client.send(bytes(64 * 1024))
