"""No secret comes out, whatever breaks: in answers, pages, metrics, logs, or what the command line says."""

import sqlite3

import pytest
from click.testing import CliRunner

from app.cli import cli
from app.errors import SettingsError
from app.settings import load
from app.store.s3 import S3Store
from tests import samples
from tests.access.conftest import CHANGES, TUS
from tests.conftest import OWNER, UPLOADER, free_port

MARK = "d0-not-te11"
SECRETS = {
    "secret_key": f"{MARK}-the-key-that-signs-the-deletion-links",
    "webhook_secret": f"{MARK}-webhook",
    "backup_passphrase": f"{MARK}-passphrase",
    "cloudflare_api_token": f"{MARK}-cloudflare",
    "bootstrap_token": f"bb_{MARK}-bootstrap",
    "s3_secret_access_key": f"{MARK}-s3",
}
PLAIN = {"cloudflare_zone_id": "0" * 32, "s3_region": "us-west-004", "s3_bucket": "pics", "s3_access_key_id": "id"}


@pytest.fixture
def broken(make_world):
    """A world with every secret set, and what uploads are given a store that answers nobody."""
    endpoint = f"http://127.0.0.1:{free_port()}"
    world = make_world(s3_endpoint=endpoint, **SECRETS, **PLAIN)
    secret = SECRETS["s3_secret_access_key"]
    world.parts.uploads._store = S3Store(
        endpoint=endpoint, region="r", bucket="b", access_key_id="i", secret_access_key=secret, patience_s=0
    )
    return world


def everything(world):
    """Yield what every route says to a browser, to its scripts and to a program; it stays signed in."""
    given = {"token": OWNER, "csrf": world.csrf, "name": "x", "scope": "upload"}
    bearer = {"Authorization": f"Bearer {UPLOADER}", **TUS}
    for endpoint, method, path in world.routes("GET", *CHANGES):
        if endpoint in ("pages.logout", "pages.sign_in", "settings.call_doctor"):
            continue
        for headers in ({"X-CSRF-Token": world.csrf, **TUS}, {"Accept": "text/html"}, bearer):
            data = given if method == "POST" else None
            answer = world.owner.open(path, method=method, headers=headers, data=data)
            yield f"{answer.headers} {answer.data!r}"
    yield world.owner.post("/api/upload", data=samples.make("gif"), headers=bearer).text


def test_nothing_tells_a_secret_whatever_breaks(broken, capsys, monkeypatch):
    session = broken.owner.get_cookie("bowerbird").value

    told = [*everything(broken)]
    with sqlite3.connect(broken.parts.settings.data_dir / "catalog.sqlite3") as catalog:
        for table in ("sessions", "uploads", "albums", "jobs"):
            catalog.execute(f"ALTER TABLE {table} RENAME TO {table}_gone")
    catalog.close()
    told += everything(broken)
    page = broken.owner.get("/settings", headers={"Accept": "text/html"})
    assert page.status_code == 503 and "<html" in page.text, "the page that tells of it needs no catalog"
    monkeypatch.setattr(broken.parts.catalog.tokens, "by_digest", lambda digest: 1 // 0)
    told += everything(broken)
    assert broken.owner.post("/login", data={"token": OWNER}).status_code == 500

    log = capsys.readouterr().err
    for failure in ("ZeroDivisionError", "OperationalError", "the store does not take the upload"):
        assert failure in log
    for secret in (MARK, OWNER, UPLOADER, session, broken.values["share_key"]):
        assert secret not in log, secret
    for secret in (MARK, OWNER, UPLOADER, session):
        assert secret not in "".join(told), secret


@pytest.mark.parametrize(
    "settings",
    [
        {"redis_url": f"redis://:{MARK}/x@127.0.0.1:6/0"},
        {"redis_url": f"redis://127.0.0.1:{MARK}/0"},
        {"database_url": f"mysql://u:{MARK}@h/x"},
        {"database_url": f"postgresql://u:{MARK}:x@h:y/x"},
        {"s3_endpoint": f"https://key:{MARK}@h", "public_url": f"https://u:{MARK}@h", "base_url": f"ftp://{MARK}@h"},
        {"secret_key": MARK, "webhook_secret": MARK, "backup_passphrase": MARK, "bootstrap_token": MARK},
        {"cloudflare_api_token": MARK},
    ],
    ids=" ".join,
)
def test_bad_settings_are_told_without_the_secrets_in_them(monkeypatch, tmp_path, settings):
    for name, value in {**settings, "data_dir": str(tmp_path / "data")}.items():
        monkeypatch.setenv(f"BOWERBIRD_{name.upper()}", value)
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(cli, ["token", "list"])

    assert done.exit_code != 0
    assert MARK not in done.output + repr(done.exception)


def test_settings_do_not_print_their_secrets(tmp_path):
    settings = load(_env_file=None, data_dir=tmp_path, **SECRETS, **PLAIN, database_url=f"postgresql://u:{MARK}@h/x")

    assert MARK not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(SettingsError) as caught:
        load(_env_file=None, redis_url=f"redis://h:{MARK}")
    assert MARK not in str(caught.value)
