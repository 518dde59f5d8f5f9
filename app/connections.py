"""The connections of one web process: over a bound, the one that has kept the server waiting longest is ended."""

import resource
from collections import defaultdict
from typing import Protocol

from .networks import Trusted, household, is_proxy

FILES_EACH = 2  # of a connection: itself, and the file that comes or goes through it
FILES_ELSE = 256  # libraries, catalog, log, decoders
BATCH = 64  # the part of all that is ended at once: to look for the one is to look at all


class Client(Protocol):
    """A connection; `waiting_since` is when the server began to wait for it (monotonic), None while it does not."""

    is_idle: bool
    idle_since: float
    head_bytes: int
    waiting_since: float | None

    def end(self) -> None: ...


class Connections:
    """At most `most` at a time, and `most_of_address` of one address, but for the `trusted` proxies'."""

    def __init__(self, most: int, most_of_address: int, trusted: Trusted = 0) -> None:
        self.most, self._most_of_address, self._trusted = most, most_of_address, trusted
        self._all: dict[Client, str] = {}
        self._of: defaultdict[str, set[Client]] = defaultdict(set)
        self.ended = 0

    def add(self, client: Client, address: object) -> bool:
        """Take a connection in, after others were ended where there would be too many; False if that was not possible,
        because all of this address are being worked for."""
        peer = str(address[0]) if isinstance(address, tuple) else ""  # a local socket has none
        network = "" if not peer or is_proxy(peer, self._trusted) else household(peer)
        if network and len(self._of[network]) >= self._most_of_address:
            self._end_waiting(self._of[network], 1)
            if len(self._of[network]) >= self._most_of_address:
                return False
        if len(self._all) >= self.most:
            self._end_waiting(self._all, max(1, self.most // BATCH))
        self._all[client] = network
        self._of[network].add(client)
        return True

    def remove(self, client: Client) -> None:
        """Forget a connection; one that is not here is no error."""
        network = self._all.pop(client, None)
        if network is not None:
            self._of[network].discard(client)
            if not self._of[network]:
                del self._of[network]

    def end_idle(self, before: float) -> None:
        """End those that have waited for a next request since `before` (monotonic), of which no byte has come."""
        for client in list(self._all):
            if client.is_idle and not client.head_bytes and client.idle_since < before:
                client.end()

    def _end_waiting(self, among: "dict[Client, str] | set[Client]", count: int) -> None:
        """End up to `count` that keep the server waiting: those without a whole head first, and the oldest of them."""
        waiting = [client for client in among if client.waiting_since is not None]
        waiting.sort(key=lambda client: (not client.is_idle, client.waiting_since))
        for client in waiting[:count]:
            client.end()
            self.remove(client)
            self.ended += 1


def allow_files(connections: int) -> int:
    """Let this process, and those that it starts, open enough files for so many connections; return for how many it
    may, which is less where the hard limit is."""
    wanted = connections * FILES_EACH + FILES_ELSE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return (
        connections if soft == resource.RLIM_INFINITY else min(connections, max(1, (soft - FILES_ELSE) // FILES_EACH))
    )
