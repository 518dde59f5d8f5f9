"""The order of checks, and what becomes of those whose ground is not there."""

from app.doctor.findings import Check, Finding, Trouble, run
from app.errors import Busy


def _fails() -> str:
    raise Trouble("it is broken", "mend it")


def _warns() -> str:
    raise Trouble("it is odd", "look at it", level="warn")


def _is_busy() -> str:
    raise Busy("the catalog is busy")


def test_a_check_tells_what_it_saw() -> None:
    assert list(run([Check("a", lambda: "all is well")])) == [Finding("a", "all is well", None, "ok")]


def test_what_needs_a_failed_check_is_not_made_and_names_the_first_that_failed() -> None:
    made = []
    checks = [
        Check("a", _fails),
        Check("b", lambda: made.append("b") or "", ("a",)),
        Check("c", lambda: made.append("c") or "", ("b",)),
        Check("d", lambda: "well"),
    ]

    found = list(run(checks))

    assert made == []
    assert [one.level for one in found] == ["fail", "skip", "skip", "ok"]
    assert found[1].seen == found[2].seen == "not checked, because 'a' failed"


def test_a_warning_keeps_nothing_from_being_checked() -> None:
    found = list(run([Check("a", _warns), Check("b", lambda: "well", ("a",))]))

    assert [(one.level, one.advice) for one in found] == [("warn", "look at it"), ("ok", None)]


def test_an_error_of_ours_is_a_finding_and_others_are_not_swallowed() -> None:
    (found,) = run([Check("a", _is_busy)])

    assert (found.level, found.seen) == ("fail", "the catalog is busy")


def test_a_need_that_is_not_in_the_list_is_no_need() -> None:
    assert [one.level for one in run([Check("a", lambda: "well", ("elsewhere",))])] == ["ok"]
