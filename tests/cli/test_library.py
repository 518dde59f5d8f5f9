"""`bowerbird list` and `bowerbird delete`."""

import json

import pytest

from app.cli import main
from tests import samples
from tests.test_uploads import House


@pytest.fixture
def house(make_settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no .env but the test's own
    monkeypatch.setenv("BOWERBIRD_DATA_DIR", str(tmp_path / "data"))
    made = House(make_settings())
    yield made
    made.close()


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command as from a shell: its exit status, what it prints, what it says."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["bowerbird", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run


def send(house, seed, **options):
    return house.send(samples.make("png", seed=seed), **options)


def test_what_a_search_finds_is_listed_a_line_each(house, run):
    cat, dog = send(house, 1, title="a cat", tags=("pets",)), send(house, 2, title="a dog")
    url = f"http://127.0.0.1:8080/{cat.key}"

    status, printed, _ = run("list", "cat")
    assert (status, printed) == (0, f"{url}\t{cat.size}\t{cat.created_at:%Y-%m-%d %H:%M}\ta cat\n")
    assert {line.split("\t")[0][-12:] for line in run("list", "type:png")[1].splitlines()} == {cat.key, dog.key}
    assert len(run("list", "--limit", "1")[1].splitlines()) == 1
    found = json.loads(run("list", "tag:pets", "--json")[1])
    assert (found["url"], found["title"], found["tags"]) == (url, "a cat", ["pets"])


def test_a_search_that_makes_no_sense_is_told(house, run):
    status, printed, said = run("list", "type:exe")

    assert (status, printed) == (1, "")
    assert "exe" in said


def test_uploads_are_deleted_by_key_or_address_all_or_none(house, run):
    one, two, three = (send(house, seed).key for seed in range(3))

    refused = "bowerbird: there is no upload 'k7Wq3Zpx.png'; nothing was deleted\n"
    assert run("delete", one, "k7Wq3Zpx.png") == (1, "", refused)
    assert house.uploads.find(one)
    assert run("delete", one, f"http://127.0.0.1:8080/{two}") == (0, "", "deleted 2\n")
    assert [bool(house.uploads.find(key)) for key in (one, two, three)] == [False, False, True]
