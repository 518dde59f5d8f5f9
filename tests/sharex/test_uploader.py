"""The stand-in at work against canned answers: what ShareX retries, shows and copies."""

import json
import re
import socket
import threading
from contextlib import contextmanager

import pytest

from tests.sharex import wire
from tests.sharex.uploader import ShareX


@contextmanager
def host(*answers):
    """Give each connection the next answer, or none where it is None; yield the address and what was asked."""
    asked = []

    def serve():
        for answer in answers:
            sock, _ = listener.accept()
            with sock, sock.makefile("rb") as file:
                head = b"".join(iter(file.readline, b"\r\n"))
                asked.append((head, file.read(int(re.search(rb"Content-Length: (\d+)", head)[1]))))
                if answer is not None:
                    sock.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/u", asked
        thread.join(20)


def answer(status, text):
    head = f"HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n"
    return (head + text).encode()


def program(url, waits=None, **fields):
    config = {"Version": "14.0.0", "DestinationType": "ImageUploader", "Body": "MultipartFormData"}
    config |= {"FileFormName": "file", "RequestURL": url, "URL": "{json:url}", "ErrorMessage": "{json:error}"} | fields
    return ShareX(json.dumps(config), wire.NET9, waits.append if waits is not None else lambda _: 0)


GOOD = answer(201, '{"url": "https://h/a.png", "o": {}}')


def test_a_lost_answer_is_asked_for_again_after_a_second_with_the_same_bytes_and_a_new_boundary():
    waits = []
    with host(None, GOOD) as (url, asked):
        task = program(url, waits).upload(b"PNG", "a.png")

    bodies = [re.sub(rb"-{20}[0-9a-f]{15}", b"", body) for _, body in asked]
    assert bodies[0] == bodies[1] and asked[0][1] != asked[1][1]
    assert (task.url, task.errors, waits) == ("https://h/a.png", [], [1.0])


@pytest.mark.parametrize(
    ("status", "text", "toast"),
    [
        (413, '{"error": "too large"}', "too large"),
        (404, "<html>", "Invalid response content is returned from host (127.0.0.1)"),
        (500, "{}", "Error message:\r\nThe remote server returned an error: (500)."),
        (500, '{"error": {"message": "x"}}', "Unable to parse response content"),
        (302, "", "Error message:"),
    ],
)
def test_a_failure_is_tried_twice_and_its_toast_is_the_hosts_own_words_if_there_are_any(status, text, toast):
    with host(*[answer(status, text)] * 2) as (url, _):
        task = program(url).upload(b"PNG", "a.png")

    assert task.toast.startswith(toast)
    assert len(task.answers) == 2 and task.failed and task.clipboard == ""


def test_a_success_without_an_address_fails_and_is_not_tried_again():
    with host(answer(200, '{"link": "x"}')) as (url, _):
        assert program(url).upload(b"PNG", "a.png").errors == ["URL is empty."]


def test_what_fails_after_the_address_was_read_leaves_a_success_without_a_deletion_address():
    with host(GOOD) as (url, _):
        task = program(url, ThumbnailURL="{json:o}", DeletionURL="{json:url}").upload(b"PNG", "a.png")

    assert (task.url, task.thumbnail_url, task.deletion_url) == ("https://h/a.png", "", "")
    assert task.toast.startswith("Unable to parse") and not task.failed


def test_without_a_template_the_whole_text_is_the_address_newline_and_all():
    with host(answer(200, "https://h/a.png\n")) as (url, _):
        assert program(url, URL="").upload(b"PNG", "a.png").clipboard == "https://h/a.png\n"


def test_a_file_goes_where_its_extension_says():
    with pytest.raises(LookupError, match="another destination"):
        program("http://h/u").upload(b"", "a.webp")
    with pytest.raises(LookupError, match="Unsupported request format: JSON"):
        program("http://h/u", Body="JSON").upload(b"", "a.PNG")
