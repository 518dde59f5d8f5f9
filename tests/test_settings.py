"""app/settings.py: every problem at once, each in a line with the value, and never a secret."""

from datetime import timedelta

import pytest

from app.errors import SettingsError
from app.settings import load


def problems(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(f"BOWERBIRD_{name.upper()}", value)
    with pytest.raises(SettingsError) as caught:
        load(_env_file=None)
    return caught.value.problems


def test_without_any_setting_everything_has_a_value(make_settings):
    settings = make_settings()

    assert settings.base_url == settings.public_url == "http://127.0.0.1:8080"
    assert settings.database_url.get_secret_value() == f"sqlite:///{settings.data_dir}/catalog.sqlite3"
    assert settings.max_upload_bytes == 100 * 1024 * 1024


BAD = {
    "bind": "nowhere",
    "public_url": "ftp://x",
    "base_url": "https://h/$x;y",
    "database_url": "mysql://x",
    "redis_url": "memory",
    "store": "tape",
    "max_upload_bytes": "-1",
    "max_pixels": "many",
    "verify": "perhaps",
    "key_length": "2",
    "rate_limit": "often",
    "web_workers": "0",
    "secret_key": "short",
    "cloudflare_zone_id": "example.com",
    "cloudflare_api_url": "api.cloudflare.com",
    "bootstrap_token": "sp ace" * 9,
    "trusted_proxies": "-1",
    "backup_passphrase": "fifteen letters",
    "backup_every": "0d",
    "backup_keep": "0",
}


def test_all_bad_settings_are_told_at_once(monkeypatch):
    told = problems(monkeypatch, **BAD)

    assert {line.partition(":")[0] for line in told} == {f"BOWERBIRD_{name.upper()}" for name in BAD}
    assert not [line for line in told if "\n" in line]


def test_the_value_is_told_unless_it_is_a_secret(monkeypatch):
    told = "\n".join(problems(monkeypatch, **BAD))

    assert "'nowhere'" in told and "'often'" in told
    assert "short" not in told and "mysql" not in told and "sp ace" not in told and "fifteen" not in told


def test_s3_needs_its_settings_and_says_which(monkeypatch):
    told = problems(monkeypatch, store="s3", s3_bucket="pics", key_length="1")

    assert [line.partition(":")[0] for line in told if "must be set" in line] == [
        "BOWERBIRD_S3_ENDPOINT",
        "BOWERBIRD_S3_REGION",
        "BOWERBIRD_S3_ACCESS_KEY_ID",
        "BOWERBIRD_S3_SECRET_ACCESS_KEY",
    ]
    assert len(told) == 5


def test_a_secret_may_come_from_a_file(monkeypatch, tmp_path):
    (tmp_path / "secret").write_text("s" * 40 + "\n")
    monkeypatch.setenv("BOWERBIRD_SECRET_KEY_FILE", str(tmp_path / "secret"))

    assert load(_env_file=None).signing_secret() == "s" * 40


def test_a_file_that_cannot_be_read_is_told_with_the_rest(monkeypatch):
    told = problems(monkeypatch, secret_key_file="/nowhere/secret", key_length="1")

    assert len(told) == 2
    assert told[0] == "BOWERBIRD_SECRET_KEY_FILE: cannot read /nowhere/secret: No such file or directory"


@pytest.mark.parametrize(
    ("text", "count"), [("1024", 1024), ("10MB", 10 * 2**20), ("10 MiB", 10 * 2**20), ("1gb", 2**30)]
)
def test_bytes_are_given_as_people_write_them(make_settings, text, count):
    assert make_settings(max_upload_bytes=text).max_upload_bytes == count


def test_the_data_folder_is_made_for_its_owner_alone(make_settings, tmp_path):
    settings = make_settings(data_dir=tmp_path / "new")

    settings.make_data_dir()

    assert settings.data_dir.stat().st_mode & 0o777 == 0o700


def test_the_signing_secret_is_made_once_and_kept_from_others(make_settings):
    settings = make_settings()
    secret = settings.signing_secret()

    assert len(secret) >= 32
    assert make_settings().signing_secret() == secret
    assert (settings.data_dir / "secret_key").stat().st_mode & 0o777 == 0o600


def test_no_secret_is_printed(make_settings):
    settings = make_settings(secret_key="s" * 40, bootstrap_token="b" * 40, database_url="postgresql://u:hidden@h/d")

    assert "s" * 40 not in repr(settings) and "b" * 40 not in repr(settings) and "hidden" not in repr(settings)


def test_the_purge_needs_both_its_token_and_its_zone(monkeypatch, make_settings):
    assert len(problems(monkeypatch, cloudflare_api_token="a-token-of-cloudflare")) == 1

    settings = make_settings(cloudflare_api_token="a-token-of-cloudflare", cloudflare_zone_id="0123456789abcdef" * 2)

    assert settings.cloudflare_zone_id == "0123456789abcdef" * 2
    assert "a-token-of-cloudflare" not in repr(settings)


def test_how_often_is_a_span(make_settings):
    assert [make_settings(backup_every=text).backup_every for text in ("12h", "1d", " 2W ")] == [
        timedelta(hours=12),
        timedelta(days=1),
        timedelta(weeks=2),
    ]
    assert make_settings().backup_every == timedelta(days=1)
