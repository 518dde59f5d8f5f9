"""The log: what each form of it looks like, and what no text can do to it."""

import io
import json
import logging
import re

import pytest
import structlog

from app import logs, request_ids

HOSTILE = "a\r\nb\x1b[2J\x85\u2028\u202e\udc80 {}"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def make(monkeypatch):
    """Set the log up over a standard error of the test's own, and put it back as it was."""
    known = structlog.get_config()

    def make(form="auto", stream=None):
        stream = stream or io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        logs.configure(form)
        return structlog.get_logger(), stream

    yield make
    structlog.configure(**known)


def fail():
    secret = "bb_secret-in-a-variable"
    raise ValueError(f"{HOSTILE} {len(secret)}")


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_begins_a_new_line_or_reaches_a_terminal(make, form):
    log, stream = make(form)
    request_ids.begin("8f00ba4b0c00-AMS")

    log.info("refused", error=HOSTILE, names=[HOSTILE], **{"key": None})
    logs.Bridge().handle(logging.makeLogRecord({"msg": HOSTILE, "name": "x", "levelname": "ERROR"}))

    said = stream.getvalue()
    assert said.isprintable() or set(re.sub(r"[ -~]", "", said)) == {"\n"}
    assert said.count("\n") == 2 and said.count("8f00ba4b0c00-AMS") == 2


def test_an_error_is_one_line_with_its_traceback_and_without_the_values_of_variables(make):
    log, stream = make()

    try:
        fail()
    except ValueError as e:
        log.error("failed", exc_info=e)
        logs.uncaught(e)

    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [one["event"] for one in told] == ["failed", "uncaught"]
    assert all("in fail\n" in one["exception"] and "ValueError" in one["exception"] for one in told)
    assert "bb_secret" not in stream.getvalue().replace('secret = "bb_secret', "")


def test_on_a_terminal_it_is_to_be_read_and_a_traceback_stands_below_its_line(make):
    log, stream = make(stream=Terminal())

    log.info("uploaded", key="k.png", size=3, by="my phone", title=None)
    try:
        fail()
    except ValueError as e:
        logs.uncaught(e)

    first, second, *trace = stream.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d info    uploaded  key=k.png  size=3  by='my phone'", first)
    assert second[9:].startswith("error   uncaught")
    assert trace and all(line.startswith("    ") for line in trace) and "\x1b" not in stream.getvalue()


def test_a_log_that_nobody_reads_fails_no_request(make):
    log, stream = make()
    stream.close()

    log.info("uploaded")
