"""Clients that upload as ShareX does, each over one connection; a boundary of its own for each request."""

import http.client
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit


class Client:
    """One connection to `url`, kept; `field` is the name of the file's part, `headers` go with each request."""

    def __init__(self, url: str, field: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        self._path, self._field, self._headers = parts.path, field, headers

    def upload(self, data: bytes) -> float:
        """Upload once, and return the seconds that took; raise RuntimeError if it was not taken."""
        boundary = "-" * 20 + secrets.token_hex(8)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{self._field}"; filename="s.png"\r\n'
            "Content-Type: image/png\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        headers = self._headers | {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        started = time.perf_counter()
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        took_s = time.perf_counter() - started
        if answer.status // 100 != 2:
            raise RuntimeError(f"{self._path} answered {answer.status}: {text[:200]!r}")
        return took_s

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def crowd(clients: Sequence[Client], uploads: int, make: Callable[[], bytes]) -> tuple[float, list[float]]:
    """Let the clients upload `uploads` pictures in all, at once; return the seconds from first to last, and those of
    each upload."""
    pictures = [make() for _ in range(uploads)]
    times: list[float] = []
    failures: list[Exception] = []

    def run(client: Client) -> None:
        try:
            while pictures:
                times.append(client.upload(pictures.pop()))
        except IndexError:  # another client took the last one
            pass
        except Exception as e:  # noqa: BLE001 - told by the thread that waits
            failures.append(e)
        finally:
            client.close()  # a server ends one that waits for its next round

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - started, times
