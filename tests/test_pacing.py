"""The pace of one connection, over a pair of sockets."""

import socket
import threading
from contextlib import contextmanager

import pytest
from gunicorn.http.errors import LimitRequestHeaders

from app.pacing import PacedSocket, TooLongHeader


@pytest.fixture
def pair(make_settings):
    """Return a function that makes a paced socket with such bounds, and its client's end."""

    @contextmanager
    def make(**bounds):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            yield PacedSocket(ours, make_settings(**bounds)), theirs

    return make


def test_the_pace_that_is_asked_of_a_body_is_not_asked_of_a_connection_that_waits_for_a_head(pair):
    with pair(body_timeout=1, header_timeout=30) as (paced, client):
        later = threading.Timer(1.3, client.sendall, [b"GET"])
        later.start()

        assert paced.recv(10) == b"GET"
        later.join()
        paced.begin()
        with pytest.raises(TimeoutError):
            paced.recv(10)


def test_a_head_has_its_own_time_from_its_first_byte_and_a_connection_is_kept_for_longer(pair):
    with pair(header_timeout=1, keepalive_timeout=3600) as (paced, client):
        paced.begin()
        paced.await_next()
        client.sendall(b"G")

        assert paced.recv(1) == b"G"
        with pytest.raises(TooLongHeader):
            paced.recv(1)


def test_a_head_has_a_largest_size_and_the_next_one_has_it_too(pair):
    with pair(max_header_bytes="8KB") as (paced, client):
        for _ in range(2):
            client.sendall(bytes(8192))
            assert len(paced.recv(8192)) == 8192
            paced.begin()
            paced.await_next()
        client.sendall(bytes(8193))
        paced.recv(8192)

        with pytest.raises(LimitRequestHeaders):
            paced.recv(1)


def test_who_keeps_the_rate_may_still_not_keep_the_server_waiting_for_ever(pair):
    with pair(request_timeout=1, body_timeout=600, min_rate=1) as (paced, client):
        paced.begin()
        client.sendall(b"a" * 1000)
        paced.recv(1000)

        with pytest.raises(TimeoutError):
            paced.recv(1)


def test_what_is_left_of_a_refused_body_gets_less_time_and_the_next_request_its_own_again(pair):
    with pair() as (paced, client):
        paced.begin()
        paced.bound(0.01)
        with pytest.raises(TimeoutError):
            paced.recv(1)

        paced.begin()
        later = threading.Timer(0.3, client.sendall, [b"a"])
        later.start()
        assert paced.recv(1) == b"a"


def test_a_reader_at_the_rate_gets_it_all_however_long_that_takes_and_one_who_stops_is_cut(pair):
    """The window is a second and the kernel's queue is small, so this goes through several windows."""
    with pair(send_timeout=1, min_rate="64KB") as (paced, client):
        paced.begin()
        paced.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        done, stop = [], threading.Event()

        def read():
            while sum(done) < 400_000:
                stop.wait(0.01)
                done.append(len(client.recv(2048)))

        reading = threading.Thread(target=read)
        reading.start()
        paced.sendall(bytes(400_000))
        reading.join()

        assert sum(done) == 400_000
        with pytest.raises(TimeoutError):
            paced.sendall(bytes(4_000_000))
