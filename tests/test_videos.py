"""Videos as uploads: stored, drawn, converted, replaced, exported, moved, found; and what a broken one does."""

import io

import pytest
from PIL import Image, ImageStat

from app import decoding
from app.catalog.records import State, Thumbnail
from app.decoding import DecoderPool
from app.errors import BadImage, SettingsError, TooComplex, UnsupportedType
from app.export import Export, FolderPlace
from app.importing.folder import read_folder
from app.importing.run import Importing
from app.keys import thumbnail_key
from app.move import Move
from app.receiving import Received
from app.replacing import Replacing
from app.search import Query, parse
from app.store.folder import FolderStore
from tests import films, samples
from tests.importing.conftest import counts
from tests.test_inventory import Cloud, b2, client, cloud_settings, one_client, put
from tests.test_uploads import House

__all__ = ["b2", "client", "cloud_settings", "one_client"]  # fixtures


@pytest.fixture
def settings(make_settings):
    return make_settings(allow_video=True)


@pytest.fixture
def house(settings):
    made = House(settings)
    yield made
    made.close()


def row(house, key):
    return house.catalog.uploads.get(key)


def stored(house, key):
    file = io.BytesIO()
    house.store.fetch(key, file, max_bytes=10**7)
    return file.getvalue()


def poster(house, key):
    return Image.open(io.BytesIO(stored(house, thumbnail_key(key))))


@pytest.mark.parametrize("kind", films.KEPT)
def test_a_video_is_stored_with_its_samples_and_gets_a_poster(house, kind):
    key = house.send(films.make(kind)).key
    house.thumbnails.make()

    found = row(house, key)
    assert (found.content_type, found.width, found.height) == (f"video/{kind.rpartition(' ')[2]}", 64, 48)
    assert key.endswith(kind.rpartition(" ")[2])
    assert films.packets(stored(house, key)) == films.packets(films.make(kind))
    assert (found.thumbnail, found.problem) == (Thumbnail.MADE, None)
    assert found.blurhash and found.color
    assert poster(house, key).size == (64, 48)


def test_a_quicktime_movie_becomes_an_mp4_of_the_same_packets(house):
    sent = films.turned(films.make("mov"))
    found = house.send(sent)

    assert (found.content_type, found.converted_from) == ("video/mp4", "video/quicktime")
    assert (found.width, found.height) == (48, 64)
    after = stored(house, found.key)
    assert after[4:8] == b"ftyp" and b"qt  " not in after[:64]
    assert films.SECRET not in after and films.PLACE.encode() not in after and b"Lavf" not in after
    assert [data for _, _, data in films.packets(after)] == [data for _, _, data in films.packets(sent)]
    house.thumbnails.make()
    assert poster(house, found.key).size == (48, 64)


def test_the_poster_is_upright_and_not_black(house):
    dark = house.send(films.turned(films.make("mp4", dark=6, width=80)))
    black = house.send(films.make("mp4", dark=10))
    house.thumbnails.make()

    assert poster(house, dark.key).size == (48, 80)
    assert max(ImageStat.Stat(poster(house, dark.key).convert("L")).mean) > 40
    assert max(ImageStat.Stat(poster(house, black.key).convert("L")).mean) < 10


def test_a_first_frame_that_no_decoder_reads_is_refused_and_nothing_is_kept(house):
    whole = bytearray(films.make("mp4"))
    start = whole.index(b"mdat") + 4
    whole[start : start + 2500] = b"\xff" * 2500

    with pytest.raises(BadImage, match="the video cannot be decoded"):
        house.send(bytes(whole))
    assert not list(house.store.list_objects())


def test_damage_behind_the_first_frame_is_told(house):
    whole = films.make("webm", frames=30)
    last = max((data for _, _, data in films.packets(whole) if len(data) > 8), key=whole.rindex)
    key = house.send(whole.replace(last, b"\xff" * len(last))).key
    house.thumbnails.make()

    assert (row(house, key).thumbnail, bool(row(house, key).problem)) == (Thumbnail.MADE, True)


def test_a_decoder_that_dies_or_hangs_is_a_refusal(make_settings, monkeypatch):
    monkeypatch.setattr(decoding, "START_S", 60)
    pool = DecoderPool(1, verify_timeout_s=0.000001)
    try:
        with pytest.raises(TooComplex):
            pool.verify(io.BytesIO(films.make("webm")), "video/webm")
    finally:
        pool.close()
    pool = DecoderPool(1, memory_bytes=8 << 20, verify_timeout_s=60)
    try:
        with pytest.raises(BadImage):
            pool.verify(io.BytesIO(films.make("mp4")), "video/mp4")
        pool.verify(io.BytesIO(samples.make("png")), "image/png")
    finally:
        pool.close()


def test_without_pyav_the_server_says_so_at_once(make_settings, monkeypatch):
    monkeypatch.setattr("app.setting_types.find_spec", lambda _: None)

    assert make_settings().bounds.max_video_s == 0
    with pytest.raises(SettingsError, match=r"BOWERBIRD_ALLOW_VIDEO: needs PyAV"):
        make_settings(allow_video="true")


def test_a_video_takes_the_place_of_a_video_and_of_nothing_else(house, settings):
    key = house.send(films.make("mp4")).key
    replacing = Replacing(settings, house.catalog, house.store, house.decoders, house.uploads, None)

    def put_there(data):
        return replacing.replace(key, Received(io.BytesIO(data), len(data), "", None), keep_metadata=False)

    assert put_there(films.make("mov", width=32)).width == 32
    for other in (films.make("webm"), samples.make("png")):
        with pytest.raises(UnsupportedType):
            put_there(other)


def test_it_is_found_exported_imported_and_moved(house, settings, make_settings, tmp_path):
    sent = house.send(films.make("mp4"), title="Film")
    house.send(samples.make("png"))
    house.thumbnails.make()
    assert [one.key for one in page(house, "type:mp4")] == [sent.key]

    out = tmp_path / "out"
    list(Export(settings, house.catalog, house.store, house.uploads).run(Query(), FolderPlace(out)))
    other = make_settings(data_dir=tmp_path / "other", allow_video=True)
    into = House(other)
    try:
        done = [*Importing(other, into.catalog, into.uploads).run(read_folder(out))]
        assert counts(done) == (2, 0, 0, 0)
        assert row(into, sent.key).sha256 == sent.sha256
        assert page(into, "type:mp4")[0].title == "Film"
    finally:
        into.close()

    target = FolderStore(tmp_path / "moved")
    list(Move(house.catalog, house.store, target, spool_dir=settings.data_dir / "spool").run())
    assert target.head(sent.key).size == sent.size
    assert target.head(thumbnail_key(sent.key))


def page(house, text):
    return house.catalog.library.page(parse(text), now=house.clock(), limit=9).uploads


def test_a_video_of_another_s3_client_becomes_an_upload_and_a_movie_does_not(cloud_settings, b2, client):
    cloud = Cloud(cloud_settings.model_copy(update={"allow_video": True}), b2)
    try:
        put(client, "film.mp4", films.make("mp4"))
        put(client, "film.mov", films.make("mov"))
        cloud.compare()
        cloud.inventory.inspect()

        assert row(cloud, "film.mp4").state is State.LIVE
        assert row(cloud, "film.mov").state is State.REFUSED
    finally:
        cloud.close()
