"""`bowerbird clients` and `bowerbird sxcu`: what is printed, what is written, and that nothing half-done stays."""

import json
import stat

import pytest
from click.testing import CliRunner

from app.catalog import Catalog
from app.cli import cli
from app.clients import CLIENTS
from app.errors import BowerbirdError, SettingsError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOWERBIRD_BASE_URL", "https://pics.example.com")
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))

    def invoke(*arguments):
        return CliRunner().invoke(cli, arguments)

    return invoke


def tokens(tmp_path):
    path = tmp_path / "data" / "catalog.sqlite3"
    if not path.exists():
        return []
    catalog = Catalog(f"sqlite:///{path}")
    try:
        return [one.name for one in catalog.tokens.list()]
    finally:
        catalog.close()


def test_all_clients_are_listed(run, tmp_path):
    listed = run("clients").stdout.splitlines()

    assert [line.split("\t")[0] for line in listed] == [client.name for client in CLIENTS]
    assert tokens(tmp_path) == []


def test_a_client_is_printed_and_its_steps_are_told_beside(run, tmp_path):
    done = run("clients", "picgo")
    config = json.loads(done.stdout)

    assert config["picBed"]["web-uploader"]["url"] == "https://pics.example.com/api/upload"
    assert "the token is called 'PicGo, for Typora and Obsidian'" in done.stderr
    assert "1. Install PicGo" in done.stderr
    assert "Typora: Preferences › Image › Image Uploader is PicGo-Core" in done.stderr
    assert tokens(tmp_path) == ["PicGo, for Typora and Obsidian"]


def test_steps_in_a_terminal_have_no_marks_of_markdown_and_lead_on(run):
    told = run("clients", "sendto").stderr

    assert "**" not in told and "](" not in told
    assert told.endswith("More: https://pics.example.com/clients/sendto\n")


def test_a_program_is_written_for_its_owner_alone(run, tmp_path):
    done = run("clients", "flameshot", "--output", "shot", "--token-name", "laptop")
    run("clients", "shell", "-o", "functions.sh")

    assert done.exit_code == 0 and done.stdout == ""
    assert stat.S_IMODE((tmp_path / "shot").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "functions.sh").stat().st_mode) == 0o600
    assert "tool=${1:-flameshot}" in (tmp_path / "shot").read_text()
    assert tokens(tmp_path) == ["laptop", "bash and zsh"]


def test_a_cmd_keeps_the_ends_of_its_lines(run, tmp_path):
    run("clients", "sendto", "-o", "Bowerbird.cmd")

    written = (tmp_path / "Bowerbird.cmd").read_bytes()
    assert written.count(b"\r\n") == written.count(b"\n") > 20
    assert run("clients", "sendto").stdout_bytes.count(b"\r\n") == written.count(b"\n")


def test_what_cannot_be_made_makes_no_token(run, tmp_path, monkeypatch):
    (tmp_path / "there").write_text("mine")

    for arguments, error, word in (
        (("sharex", "-o", "there"), BowerbirdError, "File exists"),
        (("sharex", "-o", "no/such/folder"), BowerbirdError, "No such file"),
        (("rclone",), BowerbirdError, "keeps its images in a folder"),
        (("sharex", "--view-page"), SettingsError, "VIEW_PAGES"),
    ):
        done = run("clients", *arguments)
        assert isinstance(done.exception, error) and word in str(done.exception), arguments
    monkeypatch.setenv("BOWERBIRD_BASE_URL", "https://pics.example.com/$(id)")
    done = run("clients", "shell", "-o", "functions.sh")
    assert isinstance(done.exception, SettingsError) and "special characters" in str(done.exception)
    assert run("clients", "nobody").exit_code == 2
    assert (tmp_path / "there").read_text() == "mine" and not (tmp_path / "functions.sh").exists()
    assert tokens(tmp_path) == []


def test_sxcu_is_the_same_as_clients_sharex(run, tmp_path):
    one, other = (json.loads(run(*words).stdout) for words in (("sxcu",), ("clients", "sharex")))
    named = json.loads(run("sxcu", "--name", 'the "desk"').stdout)

    assert one.pop("Headers") != other.pop("Headers") != named.pop("Headers")
    assert one == other == named | {"Name": "pics.example.com"}
    assert named["Name"] == 'pics.example.com (the "desk")'
    assert tokens(tmp_path) == ["ShareX", "ShareX 2", 'the "desk"']
