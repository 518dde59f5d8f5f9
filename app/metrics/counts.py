"""What the processes of this server count and measure as they go: requests, uploads, the store, decoders, refusals."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import Metric

from ..errors import BowerbirdError
from . import slots

NO_ROUTE = "none"  # of what leads nowhere
LIMITS = ("upload", "sign-in", "guess", "checkup")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Counts:
    """The counts of one process, or with `folder` those of all that share it. A label has few values, whoever asks:
    patterns of addresses, error codes, content types that are taken."""

    def __init__(self, folder: Path | None = None, *, role: str = "web") -> None:
        if folder:
            slots.share(folder, role)
        disable_created_metrics()  # when each series began is told by no files either
        self._folder = folder
        self._registry = CollectorRegistry()
        self._requests = self._counter("http_requests", "requests that were answered", "method", "route", "status")
        self._request_s = self._histogram("http_request_duration_seconds", "until the answer was sent", "route")
        self._uploads = self._counter("uploads_accepted", "uploads that were taken", "content_type")
        self._upload_bytes = self._counter("upload_accepted_bytes", "their bytes", "content_type")
        self._refused = self._counter("uploads_refused", "uploads that were not taken, by error code", "code")
        self._calls = self._counter("store_calls", "what the store was asked for", "operation", "outcome")
        self._call_s = self._histogram("store_call_duration_seconds", "repeats included", "operation")
        self._tasks = self._counter("decoder_tasks", "images that decoders were given", "task", "outcome")
        self._task_s = self._histogram("decoder_task_duration_seconds", "the wait for a free one included", "task")
        self._busy = self._gauge("decoder_tasks_in_progress", "images at the decoders, or waiting for a free one")
        self._decoders = self._gauge("decoders", "decoders that may run at once")
        self._connections = self._gauge("catalog_connections_in_use", "connections to the catalog, of SQLite to write")
        self._limited = self._counter("rate_limit_refusals", "what came too often", "limit")
        # What an alert waits for is there from the start: Prometheus sees no growth in what was not.
        for limit in LIMITS:
            self._limited.labels(limit)
        for code in ("busy", "internal_error", "store_full", "store_unavailable"):
            self._refused.labels(code)

    def request(self, method: str, route: str, status: int, took_s: float) -> None:
        """Count a request: `route` is the pattern of its address, or NO_ROUTE."""
        self._requests.labels(method if method in METHODS else "other", route, status).inc()
        self._request_s.labels(route).observe(took_s)

    def unrouted(self, status: int) -> None:
        """Count a request that never reached the app."""
        self._requests.labels("other", NO_ROUTE, status).inc()

    def accepted(self, content_type: str, size: int) -> None:
        """Count an upload of `size` bytes."""
        self._uploads.labels(content_type).inc()
        self._upload_bytes.labels(content_type).inc(size)

    def refused(self, code: str) -> None:
        """Count an upload that was not taken, by the code of its error."""
        self._refused.labels(code).inc()

    def limited(self, limit: str) -> None:
        """Count what one of LIMITS has refused."""
        self._limited.labels(limit).inc()

    def connected(self, change: int) -> None:
        """Count a connection of the catalog that is used from now on (1), or no more (-1)."""
        self._connections.inc(change)

    def may_decode(self, size: int) -> None:
        """Say how many decoders this process may have."""
        self._decoders.set(size)

    @contextmanager
    def store_call(self, operation: str) -> Iterator[None]:
        """Count and measure what the store is asked for within the block."""
        with self._measured(self._calls, self._call_s, operation):
            yield

    @contextmanager
    def decoding(self, task: str) -> Iterator[None]:
        """Count and measure the work of a decoder within the block."""
        self._busy.inc()
        try:
            with self._measured(self._tasks, self._task_s, task):
                yield
        finally:
            self._busy.dec()

    def collect(self) -> list[Metric]:
        """Return all of it."""
        return slots.collect(self._folder) if self._folder else list(self._registry.collect())

    def processes(self) -> list[slots.Process]:
        """Return the processes that share these counts; none where they are of one alone."""
        return list(slots.living(self._folder)) if self._folder else []

    @contextmanager
    def _measured(self, counter: Counter, histogram: Histogram, what: str) -> Iterator[None]:
        started, outcome = time.monotonic(), "ok"
        try:
            yield
        except BowerbirdError as e:
            outcome = e.code
            raise
        except BaseException:
            outcome = "unforeseen"
            raise
        finally:
            counter.labels(what, outcome).inc()
            histogram.labels(what).observe(time.monotonic() - started)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"bowerbird_{name}", meaning, labels, registry=self._registry)

    def _histogram(self, name: str, meaning: str, label: str) -> Histogram:
        return Histogram(f"bowerbird_{name}", meaning, [label], buckets=_BUCKETS_S, registry=self._registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"bowerbird_{name}", meaning, multiprocess_mode="livesum", registry=self._registry)
