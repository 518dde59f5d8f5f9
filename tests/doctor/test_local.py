"""The checks of this machine that no chain is needed for."""

import shutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from PIL import Image

from app import images
from app.catalog import Catalog
from app.doctor.findings import Finding, run
from app.doctor.local import Local
from app.errors import BadImage
from app.settings import Settings
from tests import postgres
from tests.programs import missing


@pytest.fixture
def look(make_settings: Callable[..., Settings]) -> Callable[..., dict[str, Finding]]:
    """Return what is found over a fresh catalog."""

    def visit(**values: object) -> dict[str, Finding]:
        settings = make_settings(**values)
        settings.make_data_dir()
        catalog = Catalog(settings.database_url.get_secret_value())
        catalog.upgrade()
        try:
            return {one.check: one for one in run(Local(settings, catalog).checks())}
        finally:
            catalog.close()

    return visit


def test_a_machine_as_it_should_be_lacks_only_a_worker(look: Callable[..., dict[str, Finding]]) -> None:
    assert [one.check for one in look().values() if one.level != "ok"] == ["worker"]


@pytest.mark.parametrize(("free", "level"), [(100 * 1024**2, "fail"), (900 * 1024**2, "warn"), (2 * 1024**3, "ok")])
def test_room_is_wanted_for_two_of_the_largest_uploads(look, monkeypatch, free: int, level: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))

    assert look()["data folder"].level == level


def test_readers_that_do_not_agree_are_found(look, monkeypatch) -> None:
    monkeypatch.setattr(images, "_libmagic", lambda _: "image/jpeg")

    found = look()["images"]

    assert (found.level, "image/jpeg" in found.seen) == ("fail", True)


def test_a_pillow_without_avif_is_found(look, monkeypatch) -> None:
    make = Image.Image.save

    def save(self: Image.Image, file: object, kind: str, **more: object) -> None:
        if kind == "AVIF":
            raise KeyError("AVIF")
        make(self, file, kind, **more)

    monkeypatch.setattr(Image.Image, "save", save)

    assert look()["AVIF and HEIC"].level == "warn"


def test_a_decoder_that_cannot_read_is_found(look, monkeypatch) -> None:
    def verify(*_: object) -> None:
        raise BadImage("the image cannot be decoded")

    monkeypatch.setattr("app.doctor.local.DecoderPool.verify", verify)

    assert "cannot be decoded" in look()["AVIF and HEIC"].seen


def test_video_is_tried_where_it_is_taken(look, monkeypatch) -> None:
    found = look(allow_video=True)["video"]

    assert (found.level, "decoded" in found.seen) == ("ok", True)


def test_a_journal_that_is_not_wal_is_told(look, monkeypatch) -> None:
    condition = Catalog.condition
    monkeypatch.setattr(
        Catalog, "condition", lambda self: SimpleNamespace(**{
            name: getattr(condition(self), name) for name in ("revision", "head", "is_newer")
        }, journal="delete")
    )  # fmt: skip

    found = look()["catalog journal"]

    assert (found.level, "delete" in found.seen) == ("warn", True)


if "postgres" not in missing():

    def test_a_catalog_in_postgresql_is_whole_and_its_worker_may_be_elsewhere(look) -> None:
        with postgres.server() as url:
            found = look(database_url=url)

        assert {one.check: one.level for one in found.values() if one.level != "ok"} == {"worker": "warn"}
        assert "another host" in (found["worker"].advice or "")
        assert "PostgreSQL" in found["catalog journal"].seen
