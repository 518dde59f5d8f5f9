"""Sealed files: what comes out is what went in, or nothing does."""

import base64
import io
import random

import pytest

from app import sealed
from app.errors import BadBackup
from app.sealed import CHUNK_BYTES, Sealed, seal

PASSPHRASE = "a long passphrase of the tests"
HEADER = len(sealed.MAGIC) + 1 + 16 + 32
WHOLE = CHUNK_BYTES + 16


@pytest.fixture(autouse=True)
def _cheap(monkeypatch):
    monkeypatch.setattr(sealed, "SCRYPT_COST", 2)


def noise(count):
    """Lines that do not compress, so that a chunk is full of them."""
    made = random.Random(count)
    return [made.randbytes(600).hex().encode() + b"\n" for _ in range(count)]


def sealed_file(lines, passphrase=PASSPHRASE):
    file = io.BytesIO()
    seal(lines, file, passphrase)
    return file.getvalue()


LINES = noise(400)


@pytest.fixture
def whole():
    data = sealed_file(LINES)
    assert len(data) > HEADER + 3 * WHOLE, "there are at least three whole chunks"
    return data


@pytest.mark.parametrize("lines", [[], [b"one\n"], [b"no end"], noise(400), [b"\0" * 5_000_000]], ids=len)
def test_what_comes_out_is_what_went_in(lines):
    opened = Sealed(io.BytesIO(sealed_file(lines)), PASSPHRASE)

    opened.check()
    assert b"".join(opened.lines()) == b"".join(lines)
    assert b"".join(opened.lines()) == b"".join(lines), "it can be read again"


def test_a_chunk_that_is_exactly_full_is_the_last_one(monkeypatch):
    monkeypatch.setattr(sealed, "_compressed", iter)
    for size in (CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES):
        data = sealed_file([b"x" * size])
        Sealed(io.BytesIO(data), PASSPHRASE).check()
        assert len(data) == HEADER + size + 16 * -(-size // CHUNK_BYTES)


def test_nothing_of_it_can_be_read_and_no_two_are_alike(whole):
    assert not any(line[:20] in whole for line in LINES)
    assert sealed_file(LINES)[9:] != whole[9:]
    assert PASSPHRASE.encode() not in whole


def test_another_passphrase_is_told_as_that(whole):
    with pytest.raises(BadBackup, match="the passphrase is not the one"):
        Sealed(io.BytesIO(whole), PASSPHRASE + " ")


@pytest.mark.parametrize("data", [b"", b"BB", b"PK\3\4" + b"\0" * 100, b"\0" * 100_000])
def test_what_is_no_backup_is_told_as_that(data):
    with pytest.raises(BadBackup, match="no backup"):
        Sealed(io.BytesIO(data), PASSPHRASE)


def test_a_format_of_the_future_is_named(whole):
    with pytest.raises(BadBackup, match="has the format 9"):
        Sealed(io.BytesIO(whole[:8] + b"\x09" + whole[9:]), PASSPHRASE)


def flipped(at):
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def chunks(data):
    return [data[at : at + WHOLE] for at in range(HEADER, len(data), WHOLE)]


def shuffled(order):
    def shuffle(data):
        found = chunks(data)
        return data[:HEADER] + b"".join(found[at] for at in order(len(found)))

    return shuffle


TAMPERED = {
    "a bit of the salt": flipped(12),
    "a bit of the check": flipped(HEADER - 1),
    "the first bit of the first chunk": flipped(HEADER),
    "a bit of a tag": flipped(HEADER + WHOLE - 1),
    "a bit in the middle": flipped(HEADER + WHOLE + 100),
    "the last bit": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "cut in the header": lambda data: data[: HEADER - 5],
    "cut behind the header": lambda data: data[:HEADER],
    "cut in a tag": lambda data: data[: HEADER + WHOLE - 3],
    "cut between two chunks": lambda data: data[: HEADER + WHOLE],
    "cut before the last chunk": lambda data: data[: HEADER + (len(chunks(data)) - 1) * WHOLE],
    "cut by a byte": lambda data: data[:-1],
    "longer by a byte": lambda data: data + b"\0",
    "a chunk twice": shuffled(lambda count: [0, 0, *range(1, count)]),
    "two chunks changed over": shuffled(lambda count: [1, 0, *range(2, count)]),
    "a chunk left out": shuffled(lambda count: [0, *range(2, count)]),
    "the first chunk left out": shuffled(lambda count: range(1, count)),
    "behind it another copy": lambda data: data + data[HEADER:],
    "the header of another": lambda data: sealed_file(LINES)[:HEADER] + data[HEADER:],
    "a chunk of another": lambda data: data[: HEADER + WHOLE] + sealed_file(LINES)[HEADER + WHOLE :],
}


@pytest.mark.parametrize("tampered", TAMPERED.values(), ids=TAMPERED)
def test_what_was_changed_is_found_before_a_line_of_it_is_used(whole, tampered):
    with pytest.raises(BadBackup):
        Sealed(io.BytesIO(tampered(whole)), PASSPHRASE).check()


def test_what_is_read_before_the_damage_is_what_was_sealed(whole):
    opened = Sealed(io.BytesIO(TAMPERED["a bit in the middle"](whole)), PASSPHRASE)
    read = []

    with pytest.raises(BadBackup):
        for line in opened.lines():
            read.append(line)
    assert read == LINES[: len(read)] and 0 < len(read) < len(LINES)


def test_it_streams(monkeypatch):
    """What is written follows what is read: the lines are not gathered first."""
    file, ahead = io.BytesIO(), []

    def lines():
        for line in noise(2000):
            ahead.append(len(line) + (ahead[-1] if ahead else 0))
            assert ahead[-1] < 3 * file.tell() + 8 * CHUNK_BYTES
            yield line

    seal(lines(), file, PASSPHRASE)
    assert file.tell() > 10 * CHUNK_BYTES


# Made by the first version: what is sealed today opens tomorrow, at the cost that guards a passphrase.
MADE_BEFORE = (
    "QkJTRUFMRUQBDTIevS97mpyUS473wf5iwgRDFitnSOXmF2lub4jNFhuNjv2df1Zv5tdK45wACFVQlRcJ+g+UOwDeNGq3MwBGcK2q"
    "FA/ZEq9IWsAeFIAcv3OMFDytBgfFcBki6w=="
)


def test_a_file_of_the_first_version_opens(monkeypatch):
    monkeypatch.undo()

    assert list(Sealed(io.BytesIO(base64.b64decode(MADE_BEFORE)), PASSPHRASE).lines()) == [b"a line\n"]
    assert sealed.SCRYPT_COST == 2**16
