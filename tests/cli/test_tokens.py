"""`bowerbird token`: tokens with their terms, in words."""

import pytest
from click.testing import CliRunner

from app import tokens
from app.catalog import Catalog
from app.cli import cli
from app.errors import BadRequest, NotFound
from app.settings import load


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))
    return lambda *words: CliRunner().invoke(cli, ["token", *words])


def only(run):
    catalog = Catalog(load().database_url.get_secret_value())
    (found,) = catalog.tokens.list()
    catalog.close()
    return found


def test_a_token_is_made_with_its_terms_and_they_are_listed(run):
    secret = run("add", "build", "--quota", "5GB", "--uploads-expire", "30d", "--expires", "2099-01-01").stdout.strip()

    token = only(run)
    assert tokens.is_token(secret)
    assert (token.quota_bytes, token.upload_life_s, token.scopes) == (5 * 2**30, 30 * 86_400, {"upload"})
    line = run("list").stdout.strip().split("\t")
    assert line[:4] == ["build", "upload", "in use", "never used"]
    assert line[4:] == ["holds 0 B of 5 GB", "uploads expire after 30d", "expires 2099-01-01 00:00 UTC"]


def test_terms_are_changed_and_taken_off(run):
    run("add", "build", "--quota", "5GB", "--uploads-expire", "30d")

    assert run("set", "build", "--quota", "none", "--expires", "2099-01-01").exit_code == 0

    token = only(run)
    assert (token.quota_bytes, token.upload_life_s, token.expires_at.year) == (None, 30 * 86_400, 2099)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("add", "x", "--quota", "much"), BadRequest),
        (("add", "x", "--uploads-expire", "2099-01-01"), BadRequest),
        (("add", "x", "--uploads-expire", "0d"), BadRequest),
        (("add", "x", "--uploads-expire", "51y"), BadRequest),
        (("add", "x", "--expires", "2001-01-01"), BadRequest),
        (("add", " "), BadRequest),
        (("set", "nobody", "--quota", "1GB"), NotFound),
        (("set", "nobody"), BadRequest),
        (("revoke", "nobody"), NotFound),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_made(run, words, error):
    assert isinstance(run(*words).exception, error)
    assert run("list").stdout == ""
