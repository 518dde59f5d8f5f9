"""Statements run by the driver: they mean what SQLAlchemy's own way would make of them, and fail as it fails."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import bindparam, insert, select

from app.catalog.prepared import Prepared
from app.catalog.schema import events, tokens
from app.errors import Busy

NOW = datetime(2026, 11, 23, 12, 0, 0, 250, tzinfo=UTC)
ADD = Prepared(insert(tokens).values({one: bindparam(one) for one in ("name", "digest", "scopes", "created_at")}))


def test_values_are_kept_and_read_as_those_of_sqlalchemy(catalog):
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    with catalog._database.write() as connection:
        values = {"name": "Zoë", "digest": "d" * 64, "scopes": ["upload"], "created_at": elsewhere}
        assert ADD.run(connection, values) == 1
        plain = connection.execute(select(tokens)).one()
        quick = Prepared(select(tokens).where(tokens.c.name == bindparam("of"))).first(connection, {"of": "Zoë"})

    assert (quick.name, quick.scopes, quick.created_at, quick.revoked_at) == ("Zoë", ["upload"], NOW, None)
    assert tuple(quick) == tuple(plain)


def test_a_value_that_is_not_given_is_an_error_and_nothing_is_written(catalog):
    with pytest.raises(KeyError, match="received_at"), catalog._database.write() as connection:
        Prepared(insert(events)).run(connection, {"id": "a"})

    assert catalog.tokens.list() == []


def test_a_connection_that_was_ended_is_not_used_again(catalog, kind):
    own = Prepared(select(tokens.c.id).where(tokens.c.id == bindparam("of")))
    with pytest.raises(Busy), catalog._database.read() as connection:
        if kind == "sqlite":
            connection.connection.driver_connection.close()
        else:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            with catalog._database.write() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        own.first(connection, {"of": 1})

    assert catalog.tokens.by_digest("d" * 64) is None
