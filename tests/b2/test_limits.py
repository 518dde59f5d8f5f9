"""How long names and metadata may be at B2, and of what letters."""

from collections.abc import Callable

import pytest

from tests.b2 import B2
from tests.b2.actions import target_of
from tests.b2.errors import Refusal
from tests.b2.rules import check_names
from tests.worker.requests import Answer

TARGET = "/bowerbird-demo/a.png"
USED = len("a.png") + len("a")  # the name of the object and that of its metadata count as well
ENCRYPTED = {"x-amz-server-side-encryption": "AES256"}
LOCKED = {"x-amz-object-lock-mode": "GOVERNANCE"}
Send = Callable[..., Answer]


@pytest.mark.parametrize(("limit", "headers"), [(7000, {}), (2048, ENCRYPTED), (2048, LOCKED)])
def test_name_and_metadata_have_a_limit_that_encryption_and_locks_make_less(
    b2: B2, send: Send, limit: int, headers: dict[str, str]
) -> None:
    fits, is_too_long = (
        send("PUT", TARGET, b"x", headers | {"x-amz-meta-a": "x" * (limit - USED + more)}) for more in (0, 1)
    )

    assert (fits.status, is_too_long.status, is_too_long.code) == (200, 400, "InvalidArgument")
    assert f"{limit + 1} bytes; at most {limit}".encode() in is_too_long.body
    assert len(b2.versions()) == 1


@pytest.mark.parametrize("name", ["a" * 50, "a-_.`~!#$%^&'*|+9", "b2", "ab2-c"])
def test_a_metadata_name_that_b2_takes(send: Send, name: str) -> None:
    assert send("PUT", TARGET, b"x", {f"x-amz-meta-{name}": "x"}).status == 200


@pytest.mark.parametrize("name", ["a" * 51, "b2-", "b2-content-disposition"])
def test_a_metadata_name_that_b2_refuses(b2: B2, send: Send, name: str) -> None:
    answer = send("PUT", TARGET, b"x", {f"x-amz-meta-{name}": "x"})

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert b2.versions() == []


@pytest.mark.parametrize("character", '"(),/:;<=>?@[\\]{} \x7f\u00e9')
def test_a_metadata_name_has_letters_digits_and_few_signs(character: str) -> None:
    """Asked of the rule itself: no client of HTTP sends such names."""
    with pytest.raises(Refusal, match=r"400 InvalidArgument.*is not allowed"):
        check_names(target_of(TARGET, ""), {f"x-amz-meta-a{character}b": "x"})


@pytest.mark.parametrize("character", ["%00", "%1F", "%7F"])
def test_a_key_has_no_control_characters_and_no_del(b2: B2, send: Send, character: str) -> None:
    answer = send("PUT", f"/bowerbird-demo/a{character}b.png", b"x")

    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert b2.versions() == []
