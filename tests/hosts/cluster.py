"""Two hosts of the app on addresses of their own, behind the nginx of docs/, over one PostgreSQL, Redis and bucket."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from redis import Redis

from app import tokens
from app.catalog import Catalog
from app.catalog.schema import events, metadata
from tests import postgres, redis_server
from tests.b2 import B2, Key
from tests.conftest import OWNER, UPLOADER, Server, start_server
from tests.nginx import Nginx

HOST = "up.example.com"
ADDRESSES = ("127.0.0.2", "127.0.0.3")
_KEY = Key("host-key-id", "host-secret-access-key")


@dataclass
class Cluster:
    """What stands; `settings` are what every host has, in the words of app.settings."""

    nginx: Nginx
    hosts: list[Server]
    b2: B2
    database_url: str
    redis: Redis
    settings: dict[str, str]

    def reset(self, catalog: Catalog) -> None:
        """Forget all but the two tokens and the hosts' signs of life, as if nothing had ever been asked."""
        # Row by row, without triggers: TRUNCATE would make new files of all tables and indexes.
        emptied = [f"DELETE FROM {table.name}" for table in metadata.sorted_tables if table is not events]
        statements = [
            "SET session_replication_role = replica",
            "DELETE FROM events WHERE id NOT LIKE 'host %'",
            *emptied,
            "ALTER SEQUENCE tokens_id_seq RESTART",
            "ALTER SEQUENCE albums_id_seq RESTART",
        ]
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute("; ".join(statements))
        self.redis.flushall()
        self.b2.empty()
        now = datetime.now(UTC)
        catalog.tokens.add("owner", tokens.digest(OWNER), frozenset(tokens.SCOPES), created_at=now)
        catalog.tokens.add("laptop", tokens.digest(UPLOADER), frozenset({"upload"}), created_at=now)


@contextmanager
def standing(folder: Path, base_url: str) -> Iterator[Cluster]:
    """Start all of it; `base_url` is what the hosts take for their address."""
    with ExitStack() as stack:
        database_url = stack.enter_context(postgres.server())
        b2 = stack.enter_context(B2(keys=[_KEY]))
        redis, _ = stack.enter_context(redis_server.server())
        settings = {
            "base_url": base_url,
            "database_url": database_url,
            "redis_url": redis,
            "secret_key": "of-all-hosts-" * 4,
            "store": "s3",
            "s3_endpoint": b2.endpoint,
            "s3_region": b2.region,
            "s3_bucket": b2.bucket,
            "s3_access_key_id": _KEY.access_key_id,
            "s3_secret_access_key": _KEY.secret_access_key,
            "trusted_proxies": "1",
        }
        hosts = []
        for address in ADDRESSES:
            server = start_server(folder / address, host=address, has_worker=False, **settings)
            stack.callback(_end, server)
            hosts.append(server)
        replaced = {
            f"server 10.0.0.{number}:8080": f"server {server.host}:{server.port}"
            for number, server in enumerate(hosts, 1)
        }
        nginx = stack.enter_context(Nginx("nginx-hosts.conf", HOST, replaced, (HOST,)))
        yield Cluster(nginx, hosts, b2, database_url, stack.enter_context(Redis.from_url(redis)), settings)


def _end(server: Server) -> None:
    if server.process.poll() is None:
        server.kill()
