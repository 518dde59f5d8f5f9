"""Snapshots: every table, from any database into any other, of one moment, and all or nothing."""

import json
import multiprocessing
import os
import signal
import tracemalloc
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest
from sqlalchemy import JSON, Boolean, Date, Integer, LargeBinary, String, insert, text

from app.catalog import Catalog, schema
from app.catalog.engine import UtcDateTime
from app.catalog.records import State, Upload
from app.catalog.snapshots import revision_of
from app.errors import BadBackup, Conflict

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def source(tmp_path):
    made = Catalog(f"sqlite:///{tmp_path / 'source.sqlite3'}")
    made.upgrade()
    yield made
    made.close()


def value_of(column, number):
    """Return a value that the column can hold, another one for each row; of those that may be empty every third is."""
    for foreign in column.foreign_keys:
        return value_of(foreign.column, number)
    if column.nullable and number % 3 == 0:
        return None
    kinds = {
        Boolean: bool(number % 2),
        Integer: number,
        UtcDateTime: NOW + timedelta(days=number),
        Date: date(2026, 1, 1) + timedelta(days=number),
        JSON: [f"ü{number}", {"deep": [None, 1.5]}],
        LargeBinary: bytes([0, 255, number]),
        String: f"{number}☺"[: getattr(column.type, "length", None)],
    }
    return next(value for kind, value in kinds.items() if isinstance(column.type, kind))


def fill(catalog, count=7):
    """Put rows into every table there is."""
    saved = [table for table in schema.metadata.sorted_tables if table.name not in schema.DERIVED]
    with catalog._database.write() as connection:
        for table in saved:
            columns = [column for column in table.columns if column.computed is None]
            rows = [{column.name: value_of(column, n) for column in columns} for n in range(1, count + 1)]
            connection.execute(insert(table), rows)
    return {table.name: count for table in saved}


def lines(catalog):
    return list(catalog.snapshots.dump())


def test_every_table_comes_back_from_any_database_in_any_other(catalog, source):
    expected = fill(source)
    taken = lines(source)

    assert catalog.snapshots.load(taken) == expected
    assert lines(catalog) == taken

    other = source
    other.snapshots.load(lines(catalog), is_replacing=True)
    assert lines(other) == taken
    other.close()


def test_an_upload_is_the_same_upload(catalog, source):
    fill(source)
    catalog.snapshots.load(lines(source))

    def told(which):
        with which._database.read() as connection:
            return connection.execute(schema.uploads.select().order_by(schema.uploads.c.key)).all()

    assert told(catalog) == told(source)
    assert told(catalog)[0].created_at == NOW + timedelta(days=1)


def derived(catalog):
    """What triggers keep: the tags, the tallies that are not nothing, and which words are found."""
    tallies = "SELECT kind, name, sum(count), sum(size) FROM tallies GROUP BY kind, name HAVING sum(count) <> 0"
    with catalog._database.read() as connection:
        tags = connection.execute(text("SELECT tag, key FROM upload_tags ORDER BY tag, key")).all()
        counts = sorted(map(tuple, connection.execute(text(tallies)).all()))
        words = connection.execute(text("SELECT key FROM upload_texts ORDER BY key")).all()
    return tags, [(kind, name, int(count), int(size)) for kind, name, count, size in counts], words


def test_what_triggers_keep_is_there_once_however_often_it_is_restored(catalog, source):
    for number in range(3):
        row = Upload(f"k{number}.png", "image/png", 10, 4, 3, "s" * 64, NOW, "e" * 64, title="a title", tags=("x", "y"))
        source.changes.add(replace(row, state=State.LIVE))
        catalog.changes.add(replace(row, key=f"other{number}.png", state=State.LIVE, tags=("z",)))
    expected = derived(source)
    assert all(expected)

    for _ in range(2):
        catalog.snapshots.load(lines(source), is_replacing=True)
        assert derived(catalog) == expected


def test_what_is_null_stays_null_in_sql(catalog, source):
    fill(source)
    catalog.snapshots.load(lines(source))

    with catalog._database.read() as connection:
        count = connection.execute(text("SELECT count(*) FROM uploads WHERE title IS NULL")).scalar()
    assert count == 2


def test_the_numbers_go_on_behind_those_that_came(catalog, source):
    fill(source)
    catalog.snapshots.load(lines(source))

    added = catalog.tokens.add("new", "n" * 64, frozenset({"upload"}), created_at=NOW)

    assert added.id == 8


def test_an_empty_catalog_comes_back_empty(catalog, source):
    assert catalog.snapshots.load(lines(source)) == {}
    assert catalog.tokens.add("first", "n" * 64, frozenset(), created_at=NOW).id == 1


def test_a_catalog_with_uploads_is_left_alone_unless_it_is_to_be_replaced(catalog, source):
    fill(source, 3)
    fill(catalog, 5)
    before = lines(catalog)

    with pytest.raises(Conflict, match="--replace"):
        catalog.snapshots.load(lines(source))
    assert lines(catalog) == before

    catalog.snapshots.load(lines(source), is_replacing=True)
    assert lines(catalog) == lines(source)


def test_a_token_alone_keeps_nobody_from_restoring_for_every_first_start_makes_one(catalog, source):
    fill(source, 3)
    catalog.tokens.add_first("owner", "o" * 64, frozenset(), created_at=NOW)

    catalog.snapshots.load(lines(source))

    assert lines(catalog) == lines(source)


def broken(lines):
    yield from lines[:-4]
    raise BadBackup("cut off")


def refused():
    raise BadBackup("at the last moment")


BROKEN = {
    "cut off": broken,
    "no end": lambda lines: lines[:-1],
    "a row too few": lambda lines: [*lines[:-2], lines[-1]],
    "a row twice": lambda lines: [*lines[:-1], lines[-2], lines[-1]],
    "no JSON": lambda lines: [*lines[:5], b"{", *lines[5:]],
    "no table": lambda lines: [lines[0], b"[1]\n", b'{"rows":1}\n'],
    "an unknown table": lambda lines: [lines[0], b'{"table":"gifts","columns":{}}\n', b'{"rows":0}\n'],
    "an unknown column": lambda lines: [lines[0], b'{"table":"tokens","columns":{"x":"plain"}}\n', b'{"rows":0}\n'],
    "a row too short": lambda lines: [*lines[:-2], b"[1]\n", lines[-1]],
    "no moment": lambda lines: [lines[0], b'{"table":"events","columns":{"id":"plain","received_at":"moment"}}\n',
                                b'["a","yesterday"]\n', b'{"rows":1}\n'],
}  # fmt: skip


@pytest.mark.parametrize("break_", BROKEN.values(), ids=BROKEN)
def test_of_a_broken_snapshot_nothing_stays(source, break_, tmp_path):
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    catalog.upgrade()
    fill(catalog, 5)
    before, taken = lines(catalog), (fill(source), lines(source))[1]

    with pytest.raises((BadBackup, Exception)) as caught:
        catalog.snapshots.load(break_(taken), is_replacing=True)

    assert caught.type.__module__ == "app.errors" or caught.type.__name__ == "Taken"
    assert lines(catalog) == before
    catalog.close()


def test_what_fails_at_the_last_moment_leaves_the_catalog_as_it_was(catalog, source):
    fill(source)
    fill(catalog, 5)
    before = lines(catalog)

    with pytest.raises(BadBackup):
        catalog.snapshots.load(lines(source), is_replacing=True, last=refused)

    assert lines(catalog) == before
    catalog.changes.hear("other", now=NOW)


def test_all_lines_are_of_the_same_moment_and_no_writer_waits(catalog):
    fill(catalog)
    expected = lines(catalog)
    with closing(catalog.snapshots.dump()) as taken:
        first = next(taken)

        catalog.sessions.prune(now=NOW + timedelta(days=99), limit=10)
        catalog.changes.hear("later", now=NOW)

        assert [first, *taken] == expected
    assert lines(catalog) != expected


def test_an_upload_that_was_under_way_is_looked_for_and_not_taken_back(catalog, source):
    """It may have been answered after the snapshot: its object must not go."""
    row = Upload("k7Wq3Zpa.png", "image/png", 10, 4, 3, "s" * 64, NOW, "e" * 64, title="kept", writer="elsewhere")
    source.changes.add(row)
    assert source.uploads.get(row.key).state is State.PENDING

    catalog.snapshots.load(lines(source))

    found = catalog.uploads.get(row.key)
    assert (found.state, found.title, found.changes, found.is_foreign) == (State.FOUND, "kept", 1, True)
    assert catalog.uploads.unsettled(limit=10) == []


def test_a_snapshot_of_an_older_version_is_brought_up_to_date(tmp_path, source):
    revisions = source.revisions()
    old = Catalog(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    old.upgrade(revisions[-1])
    made = [
        json.dumps({"revision": revisions[-1]}),
        '{"table":"tokens","columns":{"id":"plain","name":"plain","digest":"plain","scopes":"plain",'
        '"created_at":"moment"}}',
        '[3,"laptop","d","upload","2026-11-23T12:00:00+00:00"]'.replace('"upload"', '["upload"]'),
        '{"rows":1}',
    ]

    old.snapshots.fill([line.encode() for line in made])
    old.upgrade()

    assert (old.is_current(), old.tokens.list()[0].id, old.tokens.list()[0].scopes) == (True, 3, {"upload"})
    old.close()


def test_the_revision_is_told_and_no_line_is_lost(source):
    revision, all_lines = revision_of(iter(lines(source)))

    assert (revision, list(all_lines)) == (source.revisions()[0], lines(source))
    for none in ([], [b"[]\n"], [b'{"revision":null}\n']):
        with pytest.raises(BadBackup):
            revision_of(none)


def many(count):
    """The lines of a snapshot of so many events, made as they are read."""
    yield b'{"revision":"0004"}\n'
    yield b'{"table":"events","columns":{"id":"plain","received_at":"moment"}}\n'
    for number in range(count):
        yield b'["event %06d","2026-11-23T12:00:00+00:00"]\n' % number
    yield b'{"rows":%d}\n' % count


def test_many_rows_need_no_more_memory_than_few(catalog, monkeypatch):
    monkeypatch.setattr("app.catalog.snapshots._BATCH", 100)
    catalog.snapshots.load(many(10))  # what is loaded once
    peaks = []
    for count in (400, 1200):
        tracemalloc.start()
        assert catalog.snapshots.load(many(count)) == {"events": count}
        assert sum(1 for _ in catalog.snapshots.dump()) > count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.5 * peaks[0]


def load_and_die(url, count):
    """Load half of a snapshot and be killed."""

    def half():
        yield from islice(many(count), count // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    Catalog(url).snapshots.load(half(), is_replacing=True)


def test_whoever_is_killed_while_restoring_leaves_the_catalog_as_it_was(catalog, catalog_url):
    fill(catalog, 5)
    before = lines(catalog)
    catalog.close()

    process = multiprocessing.get_context("spawn").Process(target=load_and_die, args=(catalog_url, 6000))
    process.start()
    process.join(30)

    assert process.exitcode == -signal.SIGKILL
    assert lines(catalog) == before
    catalog.changes.hear("other", now=NOW)


def test_the_note_of_a_job_outlives_the_events(catalog):
    catalog.changes.hear("k7Wq3Zpa.png", now=NOW)
    catalog.rota.done("backup", now=NOW)

    assert catalog.changes.prune(before=NOW + timedelta(days=99), limit=10) == 1
    assert catalog.rota.done_at("backup") == NOW


def test_one_of_several_workers_does_a_job_and_another_if_that_one_dies(catalog):
    day, hour = timedelta(days=1), timedelta(hours=1)

    def begins(now):
        return catalog.rota.begin("backup", now=now, every=day, patience=hour)

    assert [begins(NOW), begins(NOW), begins(NOW + hour)] == [True, False, True]
    catalog.rota.give_up("backup")
    assert begins(NOW + hour)
    catalog.rota.done("backup", now=NOW + hour)
    assert [begins(NOW + day), begins(NOW + day + hour)] == [False, True]
    assert catalog.rota.done_at("other") is None
