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


def _tables() -> None:
    op.create_table(
        "copies",
        sa.Column("key", KEY, sa.ForeignKey("uploads.key"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("deletion_digest", sa.String(64), nullable=False),
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
        sa.Column("shard", sa.Integer, nullable=False),
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
_SIGN = {"NEW": "1", "OLD": "-1"}


def _tally(row: str, *, day: str, token: str, tags: str, shard: str) -> str:
    """Return the statement that counts a row in, or out; tallies in many shards do not wait for one another."""
    sign = _SIGN[row]
    return f"""
    INSERT INTO tallies (kind, name, shard, count, size)
    SELECT kind, name, {shard}, {sign}, {sign} * {row}.size FROM (
      SELECT 'type' AS kind, {row}.content_type AS name WHERE {row}.state = 'live'
      UNION ALL SELECT 'day', {day} WHERE {row}.state = 'live'
      UNION ALL SELECT 'token', {token} WHERE {row}.state = 'live'
      UNION ALL SELECT DISTINCT 'tag', lower(value) FROM {tags} WHERE {row}.state = 'live'
      UNION ALL SELECT 'held', {token} WHERE {row}.state IN ('pending', 'live', 'found')
      UNION ALL SELECT 'stored', '' WHERE {row}.state NOT IN ('pending', 'deleted')
    ) AS found WHERE true ORDER BY kind, name
    ON CONFLICT (kind, name, shard) DO UPDATE
    SET count = tallies.count + excluded.count, size = tallies.size + excluded.size;"""


def _sqlite_tally(row: str) -> str:
    day, token, tags = f"substr({row}.created_at, 1, 10)", f"coalesce({row}.token_id, '')", f"json_each({row}.tags)"
    return _tally(row, day=day, token=token, tags=tags, shard="0")


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


def _postgresql_tally(row: str) -> str:
    day, tags = f"to_char({row}.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')", f"json_array_elements_text({row}.tags)"
    token = f"coalesce({row}.token_id::text, '')"
    return _tally(row, day=day, token=token, tags=tags, shard="mod(pg_backend_pid(), 64)")


def _postgresql() -> tuple[str, ...]:
    # A database may have been made with the locale C, which knows no letter beyond ASCII.
    has_icu = op.get_bind().execute(sa.text("SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'")).scalar()
    collate = 'COLLATE "und-x-icu"' if has_icu else ""
    add = f"""
    DELETE FROM album_uploads WHERE key = NEW.key AND NEW.state = 'deleted';
    INSERT INTO upload_tags (tag, created_at, key)
    SELECT DISTINCT lower(value), NEW.created_at, NEW.key FROM json_array_elements_text(NEW.tags)
    WHERE NEW.state = 'live';
    INSERT INTO upload_texts (key, created_at, words)
    SELECT NEW.key, NEW.created_at, array_to_tsvector(words) FROM (
      SELECT array_remove(regexp_split_to_array(lower((coalesce(NEW.title, '') || ' ' || coalesce(NEW.file_name, '')
        || ' ' || coalesce((SELECT string_agg(value, ' ') FROM json_array_elements_text(NEW.tags)), '')
      ) {collate}), '[^[:alnum:]]+'), '') AS words
    ) AS found WHERE NEW.state = 'live' AND words <> ARRAY[]::text[];
    {_postgresql_tally("NEW")}"""
    remove = f"""
    DELETE FROM upload_tags WHERE created_at = OLD.created_at AND key = OLD.key
    AND tag IN (SELECT lower(value) FROM json_array_elements_text(OLD.tags));
    DELETE FROM upload_texts WHERE key = OLD.key;
    {_postgresql_tally("OLD")}"""
    changed = " OR ".join(
        f"OLD.{name}{cast} IS DISTINCT FROM NEW.{name}{cast}"
        for name, cast in ((name, "::text" if name == "tags" else "") for name in _WATCHED)
    )
    return (
        'CREATE TABLE upload_texts (key text COLLATE "C" PRIMARY KEY, created_at timestamptz NOT NULL, words tsvector)',
        "CREATE INDEX upload_texts_created ON upload_texts (created_at, key)",
        "CREATE INDEX upload_texts_words ON upload_texts USING gin (words)",
        f"CREATE FUNCTION uploads_add() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {add} RETURN NULL; END $$",
        f"CREATE FUNCTION uploads_remove() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {remove} RETURN NULL; END $$",
        "CREATE TRIGGER uploads_added AFTER INSERT ON uploads FOR EACH ROW EXECUTE FUNCTION uploads_add()",
        *_AGAIN,
        # Triggers of one event go by their names: out, then in.
        f"CREATE TRIGGER uploads_changed_1 AFTER UPDATE ON uploads FOR EACH ROW WHEN ({changed})"
        " EXECUTE FUNCTION uploads_remove()",
        f"CREATE TRIGGER uploads_changed_2 AFTER UPDATE ON uploads FOR EACH ROW WHEN ({changed})"
        " EXECUTE FUNCTION uploads_add()",
        "CREATE TRIGGER uploads_removed AFTER DELETE ON uploads FOR EACH ROW EXECUTE FUNCTION uploads_remove()",
    )
