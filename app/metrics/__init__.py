"""The metrics in Prometheus' text format: what the catalog knows, the same from every process and host; and what the
processes of this server have counted, the same from each of them."""

import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .. import jobs
from ..catalog import Catalog
from ..costs import KINDS
from ..heartbeat import Heartbeat
from ..jobs import JobState
from .counts import Counts
from .slots import Process

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def render(catalog: Catalog, heartbeat: Heartbeat, counts: Counts, *, version: str, now: datetime) -> bytes:
    """Return the metrics of this moment. Their names, and what each means, stand in docs/metrics.md."""
    report = jobs.collect(catalog, heartbeat, now=now)
    types, stored = catalog.tallies.by_type(), catalog.tallies.stored()
    asked, usable = catalog.transactions.totals(), [one for one in catalog.tokens.list() if one.is_usable(now)]
    families = [
        _gauge("build_info", "the version that answers", [(version, 1)], "version"),
        _gauge("uploads", "uploads that can be seen", [(one.name, one.count) for one in types], "content_type"),
        _gauge("upload_bytes", "their bytes", [(one.name, one.size) for one in types], "content_type"),
        _gauge("stored_objects", "objects in the store, those to be deleted too", [("", stored.count)]),
        _gauge("stored_bytes", "their bytes", [("", stored.size)]),
        _transactions({kind: asked.get(kind, 0) for kind in KINDS}),
        _gauge("tokens", "tokens that can be used", [("", len(usable))]),
        *_jobs(report.jobs, now),
        *_processes(counts.processes()),
        *counts.collect(),
    ]
    if report.worker_age_s is not None:
        age_s = [("", report.worker_age_s)]
        families.append(_gauge("worker_age_seconds", "since the worker of this server began its last turn", age_s))
    return generate_latest(_Found(families))


class _Found(Collector):
    """What prometheus-client renders, in place of its registry of counts in memory."""

    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _processes(found: list[Process]) -> list[Metric]:
    number: Counter[str] = Counter()
    memory: Counter[str] = Counter()
    files: Counter[str] = Counter()
    for one in found:
        with suppress(OSError):  # it may have ended just now
            pages = int(Path(f"/proc/{one.pid}/statm").read_text().split()[1])
            files[one.role] += len(os.listdir(f"/proc/{one.pid}/fd"))  # noqa: PTH208 names alone
            memory[one.role] += pages * os.sysconf("SC_PAGE_SIZE")
            number[one.role] += 1
    return [
        _gauge("processes", "processes of this server", number.items(), "role"),
        _gauge("process_resident_memory_bytes", "their memory; what they share is in each", memory.items(), "role"),
        _gauge("process_open_fds", "their open files and connections", files.items(), "role"),
    ]


def _jobs(states: list[JobState], now: datetime) -> list[Metric]:
    queued = [(one.name, one.queued) for one in states if one.queued is not None]
    failed = [(one.name, one.failed) for one in states if one.failed is not None]
    failures = [(one.name, one.failures) for one in states]
    ages = [(one.name, (now - one.succeeded_at).total_seconds()) for one in states if one.succeeded_at]
    return [
        _gauge("job_queued", f"what waits for a job, counted up to {jobs.MOST:,}", queued, "job"),
        _gauge("job_given_up", f"what a job cannot do, counted up to {jobs.MOST:,}", failed, "job"),
        _gauge("job_failures", "failures of a job in a row", failures, "job"),
        _gauge("job_success_age_seconds", "since a job was done last", ages, "job"),
    ]


def _transactions(counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily("bowerbird_transactions", "what the app asked of the bucket", labels=["class"])
    for kind, count in counts.items():
        family.add_metric([kind], count)
    return family


def _gauge(name: str, meaning: str, values: Iterable[tuple[str, float]], label: str | None = None) -> Metric:
    """Return a gauge; each of `values` is that of a label and a number."""
    family = GaugeMetricFamily(f"bowerbird_{name}", meaning, labels=[label] if label else [])
    for text, value in values:
        family.add_metric([text] if label else [], value)
    return family
