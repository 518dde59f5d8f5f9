"""The library: full text, tags, albums, favourites, what tokens may hold, tallies that the database keeps itself."""

# ruff: noqa: S608 the statements are put together from what stands in this file

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

LIVE = sa.text("state = 'live'")
FAVOURITE = sa.text("state = 'live' AND is_favourite")
MOMENT = sa.DateTime(timezone=True)
KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("uploads", sa.Column("is_favourite", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("tokens", sa.Column("upload_life_s", sa.Integer))
    op.add_column("tokens", sa.Column("quota_bytes", sa.BigInteger))
    op.add_column("claims", sa.Column("numbers", sa.JSON))
    op.drop_index("uploads_created", "uploads")
    for name, columns, where in (
        ("uploads_live", ["created_at", "key"], LIVE),
        ("uploads_live_type", ["content_type", "created_at", "key"], LIVE),
        ("uploads_live_size", ["size", "key"], LIVE),
        ("uploads_favourite", ["created_at", "key"], FAVOURITE),
    ):
        op.create_index(name, "uploads", columns, sqlite_where=where, postgresql_where=where)
    _tables()
    for statement in _SQLITE if op.get_bind().dialect.name == "sqlite" else _postgresql():
        op.get_bind().exec_driver_sql(statement)  # as it is: colons and all


def losses(bind: sa.Connection) -> list[str]:
    """Return what a downgrade would lose, each in words."""
    found = {
        "the albums, {:,} of them": "albums",
        "that {:,} uploads are favourites": "uploads WHERE is_favourite",
        "{:,} uploads of bytes that were there, each with its deletion link": "copies WHERE deleted_at IS NULL",
        "the quota, or the end of the uploads, of {:,} tokens": "tokens WHERE quota_bytes IS NOT NULL"
        " OR upload_life_s IS NOT NULL",
    }
    counts = {
        words: bind.execute(sa.text(f"SELECT count(*) FROM {rows}")).scalar_one() for words, rows in found.items()
    }
    return [words.format(count) for words, count in counts.items() if count]


def downgrade() -> None:
    bind = op.get_bind()
    for statement in _SQLITE_GONE if bind.dialect.name == "sqlite" else _POSTGRESQL_GONE:
        bind.exec_driver_sql(statement)
    for table in ("jobs", "tallies", "album_uploads", "albums", "upload_tags", "copies"):
        op.drop_table(table)
    for index in ("uploads_favourite", "uploads_live_size", "uploads_live_type", "uploads_live"):
        op.drop_index(index, "uploads")
    op.create_index("uploads_created", "uploads", ["created_at", "key"])
    op.drop_column("claims", "numbers")
    op.drop_column("tokens", "quota_bytes")
    op.drop_column("tokens", "upload_life_s")
    op.drop_column("uploads", "is_favourite")


def _tables() -> None:
    op.create_table(
        "copies",
        sa.Column("key", KEY, sa.ForeignKey("uploads.key"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("token_id", sa.Integer, sa.ForeignKey("tokens.id")),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("deleted_at", MOMENT),
        sa.PrimaryKeyConstraint("key", "number"),
    )
    op.create_table(
        "upload_tags",
        sa.Column("tag", KEY, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("key", KEY, nullable=False),
        sa.PrimaryKeyConstraint("tag", "created_at", "key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "albums",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("share_key", sa.String(64), unique=True),
        sa.Column("shared_until", MOMENT),
    )
    op.create_table(
        "album_uploads",
        sa.Column("album_id", sa.Integer, sa.ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("key", KEY, sa.ForeignKey("uploads.key"), nullable=False),
        sa.PrimaryKeyConstraint("album_id", "created_at", "key"),
    )
    op.create_index("album_uploads_key", "album_uploads", ["key"])
    op.create_table(
        "tallies",
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("shard", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", "shard"),
    )
    op.create_table(
        "jobs",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("succeeded_at", MOMENT),
        sa.Column("failed_at", MOMENT),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("problem", sa.String(200)),
    )


# What is derived from a row of uploads: its tags, its words, and what it adds to the tallies. Triggers keep it, so that
# no statement that changes a row can forget it. They differ by database in a few words only.
_WATCHED = ("state", "content_type", "size", "created_at", "token_id", "title", "file_name", "tags")


def _deltas(rows: str, sign: int, *, day: str, token: str, tags: str) -> str:
    """Return a query of what `rows` add to the tallies, or take from them: kind, name, count, size."""
    size = f"{sign} * size"
    return f"""
      SELECT 'type' AS kind, content_type AS name, {sign} AS count, {size} AS size
      FROM {rows} AS one WHERE state = 'live'
      UNION ALL SELECT 'day', {day}, {sign}, {size} FROM {rows} AS one WHERE state = 'live'
      UNION ALL SELECT 'token', {token}, {sign}, {size} FROM {rows} AS one WHERE state = 'live'
      UNION ALL SELECT 'tag', tag, {sign}, {size} FROM (
        SELECT DISTINCT one.key, lower(value) AS tag, size FROM {rows} AS one, {tags} WHERE state = 'live'
      ) AS tagged
      UNION ALL SELECT 'held', {token}, {sign}, {size} FROM {rows} AS one WHERE state IN ('pending', 'live', 'found')
      UNION ALL SELECT 'stored', '', {sign}, {size} FROM {rows} AS one WHERE state NOT IN ('pending', 'deleted')"""


_ADDED = """ON CONFLICT (kind, name, shard) DO UPDATE
    SET count = tallies.count + excluded.count, size = tallies.size + excluded.size;"""


def _sqlite_tally(row: str) -> str:
    columns = ("key", "state", "content_type", "size", "created_at", "token_id", "tags")
    one = f"(SELECT {', '.join(f'{row}.{name} AS {name}' for name in columns)})"
    day, token = "substr(created_at, 1, 10)", "coalesce(token_id, '')"
    deltas = _deltas(one, 1 if row == "NEW" else -1, day=day, token=token, tags="json_each(one.tags)")
    return f"""
    INSERT INTO tallies (kind, name, shard, count, size)
    SELECT kind, name, 0, count, size FROM ({deltas}) WHERE true {_ADDED}"""


# The id of a text begins with the second of its upload, so that the full text index has them in their order.
_SECOND = "(CAST(strftime('%s', NEW.created_at) AS INTEGER) << 28)"
_SQLITE_ADD = f"""
    DELETE FROM album_uploads WHERE key = NEW.key AND NEW.state = 'deleted';
    INSERT OR IGNORE INTO upload_tags (tag, created_at, key)
    SELECT lower(value), NEW.created_at, NEW.key FROM json_each(NEW.tags) WHERE NEW.state = 'live';
    INSERT INTO upload_texts (id, key, text)
    SELECT (
        SELECT coalesce(max(id), {_SECOND}) + 1 FROM upload_texts
        WHERE id BETWEEN {_SECOND} AND {_SECOND} + (1 << 28) - 1
      ), NEW.key, text
    FROM (
      SELECT trim(coalesce(NEW.title, '') || ' ' || coalesce(NEW.file_name, '') || ' ' || coalesce(
        (SELECT group_concat(value, ' ') FROM json_each(NEW.tags)), '')) AS text
    ) WHERE NEW.state = 'live' AND text <> '';
    {_sqlite_tally("NEW")}"""
_SQLITE_REMOVE = f"""
    DELETE FROM upload_tags WHERE created_at = OLD.created_at AND key = OLD.key
    AND tag IN (SELECT lower(value) FROM json_each(OLD.tags));
    DELETE FROM upload_texts WHERE key = OLD.key;
    {_sqlite_tally("OLD")}"""
_CHANGED = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _WATCHED)

# Only an insert sets a trigger off: what is there already goes out and in again, before one could hear it go.
_AGAIN = (
    "CREATE TEMPORARY TABLE kept AS SELECT * FROM uploads",
    "DELETE FROM uploads",
    "INSERT INTO uploads SELECT * FROM kept ORDER BY created_at, key",
    "DROP TABLE kept",
)

_SQLITE = (
    "CREATE TABLE upload_texts (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, text TEXT NOT NULL)",
    "CREATE VIRTUAL TABLE upload_words USING fts5("
    "text, content='upload_texts', content_rowid='id', tokenize='unicode61 remove_diacritics 0',"
    # A beginning that has an index of its own is read in order; of any other all rows are collected first.
    " prefix='2 3 4 5 6 7 8 9 10', detail=none, columnsize=0)",
    "CREATE TRIGGER upload_texts_added AFTER INSERT ON upload_texts BEGIN"
    " INSERT INTO upload_words (rowid, text) VALUES (NEW.id, NEW.text); END",
    "CREATE TRIGGER upload_texts_removed AFTER DELETE ON upload_texts BEGIN"
    " INSERT INTO upload_words (upload_words, rowid, text) VALUES ('delete', OLD.id, OLD.text); END",
    f"CREATE TRIGGER uploads_added AFTER INSERT ON uploads BEGIN {_SQLITE_ADD} END",
    *_AGAIN,
    f"CREATE TRIGGER uploads_changed AFTER UPDATE OF {', '.join(_WATCHED)} ON uploads WHEN {_CHANGED}"
    f" BEGIN {_SQLITE_REMOVE} {_SQLITE_ADD} END",
    f"CREATE TRIGGER uploads_removed AFTER DELETE ON uploads BEGIN {_SQLITE_REMOVE} END",
)


# On PostgreSQL a row that is written again and again in one transaction becomes slower each time, and transactions that
# write the same row wait for one another. So each statement adds rows of its own, and now and then one sums them up.
_WORDS = """array_remove(regexp_split_to_array(lower((coalesce(title, '') || ' ' || coalesce(file_name, '') || ' ' ||
        coalesce((SELECT string_agg(value, ' ') FROM json_array_elements_text(tags)), '')
      ) COLLATION), '[^[:alnum:]]+'), '')"""


def _function(name: str, *, added: str, removed: str, before: str = "") -> str:
    """Return the function of a trigger whose statement has added and removed rows; either may be empty."""
    how = {
        "day": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
        "token": "coalesce(token_id::text, '')",
        "tags": "json_array_elements_text(one.tags)",
    }
    deltas = [_deltas(rows, sign, **how) for rows, sign in ((added, 1), (removed, -1)) if rows]
    out = f"""
      DELETE FROM upload_tags AS t USING {removed} AS r WHERE t.created_at = r.created_at AND t.key = r.key
      AND t.tag IN (SELECT lower(value) FROM json_array_elements_text(r.tags));
      DELETE FROM upload_texts AS t USING {removed} AS r WHERE t.key = r.key;"""
    into = f"""
      DELETE FROM album_uploads AS a USING {added} AS n WHERE a.key = n.key AND n.state = 'deleted';
      INSERT INTO upload_tags (tag, created_at, key)
      SELECT DISTINCT lower(value), created_at, key FROM {added} AS n, json_array_elements_text(n.tags)
      WHERE state = 'live';
      INSERT INTO upload_texts (key, created_at, words)
      SELECT key, created_at, array_to_tsvector(words) FROM (
        SELECT key, created_at, {_WORDS} AS words FROM {added} AS n WHERE state = 'live'
      ) AS found WHERE words <> ARRAY[]::text[];"""
    return f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE part bigint; changed text[];
    BEGIN
      {before}{out if removed else ""}{into if added else ""}
      part := nextval('tallies_part');
      INSERT INTO tallies (kind, name, shard, count, size)
      SELECT kind, name, part, sum(found.count), sum(found.size) FROM ({" UNION ALL ".join(deltas)}) AS found
      GROUP BY kind, name HAVING sum(found.count) <> 0 OR sum(found.size) <> 0;
      IF mod(part, 500) = 0 THEN PERFORM tallies_sum_up(part - 1000); END IF;
      RETURN NULL;
    END $$"""


_SUM_UP = f"""CREATE FUNCTION tallies_sum_up(since bigint) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      IF pg_try_advisory_xact_lock(hashtextextended('tallies', 0)) THEN
        WITH gone AS (DELETE FROM tallies WHERE shard > greatest(since, 0) RETURNING *)
        INSERT INTO tallies (kind, name, shard, count, size)
        SELECT kind, name, 0, sum(gone.count), sum(gone.size) FROM gone GROUP BY kind, name ORDER BY kind, name
        {_ADDED}
      END IF;
    END $$"""


def _postgresql() -> tuple[str, ...]:
    # A database may have been made with the locale C, which knows no letter beyond ASCII.
    has_icu = op.get_bind().execute(sa.text("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'")).scalar()
    collation = 'COLLATE "und-x-icu"' if has_icu else ""
    differ = " OR ".join(
        f"o.{name}{cast} IS DISTINCT FROM n.{name}{cast}"
        for name, cast in ((name, "::text" if name == "tags" else "") for name in _WATCHED)
    )
    find = f"""changed := ARRAY(SELECT n.key FROM added AS n JOIN removed AS o ON o.key = n.key WHERE {differ});
      IF changed = ARRAY[]::text[] THEN RETURN NULL; END IF;"""
    some = "(SELECT * FROM %s WHERE key = ANY (changed))"
    functions = (
        _function("uploads_added", added="added", removed=""),
        _function("uploads_removed", added="", removed="removed"),
        _function("uploads_changed", added=some % "added", removed=some % "removed", before=find),
    )
    return (
        'CREATE TABLE upload_texts (key text COLLATE "C" PRIMARY KEY, created_at timestamptz NOT NULL, words tsvector)',
        "CREATE INDEX upload_texts_created ON upload_texts (created_at, key)",
        "CREATE INDEX upload_texts_words ON upload_texts USING gin (words)",
        "CREATE SEQUENCE tallies_part",
        "CREATE INDEX tallies_shard ON tallies (shard)",
        _SUM_UP,
        *(one.replace("COLLATION", collation) for one in functions),
        "CREATE TRIGGER uploads_added AFTER INSERT ON uploads REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION uploads_added()",
        *_AGAIN,
        "CREATE TRIGGER uploads_changed AFTER UPDATE ON uploads REFERENCING OLD TABLE AS removed NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION uploads_changed()",
        "CREATE TRIGGER uploads_removed AFTER DELETE ON uploads REFERENCING OLD TABLE AS removed"
        " FOR EACH STATEMENT EXECUTE FUNCTION uploads_removed()",
    )


_TRIGGERS = ("uploads_added", "uploads_changed", "uploads_removed")
_SQLITE_GONE = (
    *(f"DROP TRIGGER {name}" for name in _TRIGGERS),
    "DROP TABLE upload_words",
    "DROP TABLE upload_texts",
)
_POSTGRESQL_GONE = (
    *(f"DROP TRIGGER {name} ON uploads" for name in _TRIGGERS),
    *(f"DROP FUNCTION {name}()" for name in _TRIGGERS),
    "DROP FUNCTION tallies_sum_up(bigint)",
    "DROP SEQUENCE tallies_part",
    "DROP TABLE upload_texts",
)
