"""The bounds on how many connections a web process holds, and who goes where there are too many."""

import resource
from dataclasses import dataclass
from ipaddress import ip_network

import pytest

from app.connections import FILES_EACH, FILES_ELSE, Connections, allow_files


@dataclass(eq=False)
class Waiting:
    """A connection that has kept the server waiting since a moment, or that is worked for (None)."""

    waiting_since: float | None
    is_idle: bool = True
    is_ended: bool = False

    def end(self) -> None:
        self.is_ended = True


def crowd(connections, *clients, address="192.0.2.1"):
    for client in clients:
        assert connections.add(client, (address, 1))
    return clients


def test_where_there_are_too_many_the_longest_waiting_ends_first_without_a_request_and_none_that_is_worked_for():
    connections = Connections(4, 4, 1)
    worked_for, slow, idle, old = crowd(
        connections, Waiting(None, is_idle=False), Waiting(1, is_idle=False), Waiting(3), Waiting(2)
    )
    order = []
    for _ in range(4):
        connections.add(Waiting(None), ("192.0.2.1", 1))
        order.append([client for client in (old, idle, slow, worked_for) if client.is_ended])

    assert order == [[old], [old, idle], [old, idle, slow], [old, idle, slow]]
    assert connections.ended == 3


def test_an_address_loses_its_own_oldest_and_gets_no_more_while_all_of_its_are_worked_for():
    connections = Connections(100, 2)
    [other] = crowd(connections, Waiting(0), address="192.0.2.9")
    old, working = crowd(connections, Waiting(1), Waiting(None))
    [second] = crowd(connections, Waiting(None))

    assert (old.is_ended, other.is_ended, working.is_ended) == (True, False, False)
    assert not connections.add(Waiting(None), ("192.0.2.1", 1))
    connections.remove(second)
    connections.remove(second)
    assert connections.add(Waiting(None), ("192.0.2.1", 1))


@pytest.mark.parametrize(
    ("first", "second", "are_one"),
    [
        (("2001:db8::1", 1, 0, 0), ("2001:db8::2", 1, 0, 0), True), (("2001:db8::1", 1), ("2001:db8:0:1::1", 1), False),
        (("::ffff:192.0.2.1", 1), ("::ffff:192.0.2.2", 1), False), (("::ffff:192.0.2.1", 1), ("192.0.2.1", 1), True),
        ("", "", False), (b"", b"", False),
    ],
)  # fmt: skip
def test_one_address_is_one_household_and_a_local_socket_is_none(first, second, are_one):
    connections = Connections(100, 1)
    connections.add(Waiting(None), first)

    assert connections.add(Waiting(None), second) is not are_one


def test_a_proxy_may_have_as_many_as_there_are_and_who_comes_past_it_may_not():
    connections = Connections(100, 1, (ip_network("127.0.0.0/8"),))
    crowd(connections, Waiting(None), Waiting(None), address="127.0.0.1")
    crowd(connections, Waiting(None))

    assert not connections.add(Waiting(None), ("192.0.2.1", 1))


def test_a_process_may_open_as_many_files_as_its_connections_need_or_says_for_how_many_it_may(monkeypatch):
    limits = {"now": (1024, 4096)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.update(now=new))

    assert allow_files(1000) == 1000
    assert limits["now"] == (1000 * FILES_EACH + FILES_ELSE, 4096)
    assert allow_files(100_000) == (4096 - FILES_ELSE) // FILES_EACH
    assert limits["now"] == (4096, 4096)
    assert allow_files(100) == 100
    limits["now"] = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    assert allow_files(100_000) == 100_000
