"""Signs of life of hosts, which only PostgreSQL needs: hosts cannot share an SQLite file."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from app.writers import SILENT_S, Writers
from tests.waiting import soon


def age(catalog, host, seconds):
    with catalog._database.write() as connection:
        connection.execute(
            text("UPDATE events SET received_at = now() - make_interval(secs => :s) WHERE id = :id"),
            {"s": seconds, "id": f"host {host}"},
        )


def test_a_writer_on_another_host_is_dead_once_nothing_is_heard_of_that(catalog, kind, tmp_path):
    now = [0.0]
    here = Writers(tmp_path / "here", catalog.presence, clock=lambda: now[0])
    other = Writers(tmp_path / "there")
    there = other.me()
    other.leave()
    host = there.partition("-")[0]

    assert here.is_alive(there) is None, "of a writer that never gave a sign nothing is known"
    if kind == "sqlite":
        assert catalog.presence is None
        return
    catalog.presence.beat(host)
    catalog.presence.beat(host)
    assert here.is_alive(there) is True
    age(catalog, host, SILENT_S + 1)
    assert here.is_alive(there) is None, "who was not heard itself cannot judge"
    own = here.me().partition("-")[0]
    soon(lambda: catalog.presence.silent_s(own) is not None and here._heard_since is not None)
    assert here.is_alive(there) is None
    now[0] = SILENT_S
    assert here.is_alive(there) is False
    catalog.changes.prune(before=datetime.now(UTC) - timedelta(seconds=1), limit=10)
    assert here.is_alive(there) is None
    here.leave()


def test_a_host_gives_signs_of_life_by_itself(catalog, kind, tmp_path):
    if kind == "sqlite":
        return
    writers, heard = Writers(tmp_path / "here", catalog.presence), []
    host = writers.me().partition("-")[0]
    for _ in range(2000):
        heard = catalog.presence.silent_s(host)
        if heard is not None:
            break
    writers.leave()
    assert heard is not None and heard < SILENT_S
