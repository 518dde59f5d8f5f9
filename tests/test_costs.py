"""What B2 charges for: each class's free amount by day, the month as it goes."""

from datetime import date

import pytest

from app.costs import GB, KIND_OF, estimate

DAY = date(2026, 11, 10)


@pytest.mark.parametrize(
    ("stored_gb", "by_day", "expected"),
    [
        (10, {}, (0, 0, 0)),
        (110, {}, (0.6, 0, 0)),
        (0, {DAY: {"A": 10**9}}, (0, 0, 0)),
        (0, {DAY: {"B": 2500, "C": 2500}}, (0, 0, 0)),
        (0, {DAY: {"B": 12_500}}, (0, 0.012, 0)),  # one day of ten so far, thirty in the month
        (0, {DAY: {"C": 3_500}}, (0, 0, 0.012)),
        (0, {date(2026, 10, 31): {"C": 10**6}}, (0, 0, 0)),
    ],
)
def test_a_month_is_charged_beyond_what_is_free(stored_gb, by_day, expected):
    bill = estimate(stored_gb * GB, by_day, DAY)

    assert (bill.storage, bill.b, bill.c) == expected
    assert bill.total == sum(expected)


def test_what_was_not_used_up_on_one_day_is_not_free_on_another():
    two_days = {date(2026, 11, 29): {"B": 0}, date(2026, 11, 30): {"B": 5000}}

    assert estimate(0, two_days, date(2026, 11, 30)).b == 0.001


def test_an_upload_is_of_the_class_that_is_free():
    assert KIND_OF["PutObject"] == KIND_OF["DeleteObject"] == "A"
