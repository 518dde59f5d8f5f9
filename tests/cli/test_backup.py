"""`bowerbird backup` and `restore`: what they print, and what they say where they refuse."""

import pytest
from click.testing import CliRunner

from app import sealed
from app.catalog import Catalog
from app.cli import cli
from app.errors import Conflict, SettingsError
from tests.test_rebuild import lose
from tests.test_uploads import House

PASSPHRASE = "a long passphrase of the tests"


@pytest.fixture
def settings(make_settings, tmp_path, monkeypatch):
    monkeypatch.setattr(sealed, "SCRYPT_COST", 2)
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BOWERBIRD_BACKUP_PASSPHRASE", PASSPHRASE)
    return make_settings()


def run(*arguments):
    result = CliRunner().invoke(cli, arguments)
    assert PASSPHRASE not in result.output
    return result


def test_a_backup_is_named_listed_and_restored(settings):
    house = House(settings)
    key = house.send(title="a title").key
    made = run("backup")
    assert made.stdout.startswith("backup/") and made.stderr.endswith(" bytes; 0 older ones removed\n")
    house.close()
    lose(settings)

    name = made.stdout.strip()
    assert run("restore", "--list").stdout.startswith(f"{name}\t")
    restored = run("restore")

    assert restored.stdout.startswith("restored 1 uploads as of ")
    assert f"restoring {name}" in restored.stderr and "SECRET_KEY" not in restored.stderr
    catalog = Catalog(settings.database_url.get_secret_value())
    assert catalog.uploads.get(key).title == "a title"
    catalog.close()


def test_a_file_is_restored_and_another_secret_key_is_told(settings, tmp_path):
    house = House(settings)
    house.send()
    assert run("backup", "--to", "catalog.bbk").stdout == "catalog.bbk\n"
    house.close()

    refused = run("restore", "--from", "catalog.bbk")
    assert isinstance(refused.exception, Conflict) and "--replace" in str(refused.exception)
    lose(settings)
    (settings.data_dir / "secret_key").write_text("another secret key, " * 3)

    told = run("restore", "--from", "catalog.bbk")

    assert told.exit_code == 0
    assert "is not that of the backup" in told.stderr and "another secret" not in told.output


@pytest.mark.parametrize("arguments", [["backup"], ["restore", "--from", "catalog.bbk"]])
def test_without_a_passphrase_nothing_is_done(settings, monkeypatch, tmp_path, arguments):
    monkeypatch.delenv("BOWERBIRD_BACKUP_PASSPHRASE")
    (tmp_path / "catalog.bbk").write_bytes(b"")

    result = run(*arguments)

    assert isinstance(result.exception, SettingsError)
    assert "BOWERBIRD_BACKUP_PASSPHRASE: must be set" in str(result.exception)
