"""The settings file: some values are set, and nothing else in it changes."""

import os
from pathlib import Path

import pytest

from app import settings_file
from app.errors import SettingsError

OLD = """# mine
BOWERBIRD_BIND=127.0.0.1:9000   # a comment
export BOWERBIRD_STORE='folder'

BOWERBIRD_TEXT="two
lines"
OTHER=${HOME}
"""


def test_it_works(tmp_path: Path) -> None:
    path = tmp_path / ".env"

    settings_file.write(path, {"A": "1", "B": "https://i.example.com/x+y=="})

    assert settings_file.read(path) == {"A": "1", "B": "https://i.example.com/x+y=="}
    assert path.read_text() == "A=1\nB=https://i.example.com/x+y==\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_all_other_lines_stay_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(OLD)

    settings_file.write(path, {"BOWERBIRD_STORE": "s3", "NEW": "n"})

    assert path.read_text() == OLD.replace("export BOWERBIRD_STORE='folder'", "BOWERBIRD_STORE=s3") + "NEW=n\n"


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)

    settings_file.write(path, {})

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("A=1\n", 0o600)


def test_behind_a_link_the_file_changes_and_the_link_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / ".env"
    real.write_text("A=1\n")
    link.symlink_to(real)

    settings_file.write(link, {"A": "2"})

    assert link.is_symlink() and real.read_text() == "A=2\n"


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        settings_file.write(path, {"A": "2"})

    assert path.read_text() == "A=1\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("value", ["two words", "a\nB=1", "'quoted'", "a#b", "$HOME", "back\\slash"])
def test_a_value_that_readers_would_read_differently_is_refused(tmp_path: Path, value: str) -> None:
    path = tmp_path / ".env"

    with pytest.raises(SettingsError, match="NAME has characters") as caught:
        settings_file.write(path, {"NAME": value})

    assert value not in str(caught.value)
    assert not path.exists()


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match="cannot read"):
        settings_file.read(tmp_path / "folder")
    with pytest.raises(SettingsError, match="cannot write"):
        settings_file.write(tmp_path / "none" / ".env", {"A": "1"})

    assert settings_file.read(tmp_path / "none" / ".env") == {}
