"""How often one client may do a thing, counted in memory."""

import pytest

from app.errors import RateLimited
from app.web import limits
from app.web.limits import RateLimits


@pytest.fixture
def now(monkeypatch):
    moment = [1_000_000.0]
    monkeypatch.setattr(limits.time, "time", lambda: moment[0])
    return moment


def test_one_over_the_limit_is_told_when_there_is_room_again(make_settings, now):
    counted = RateLimits(make_settings(rate_limit="3/minute", web_workers=1))
    for _ in range(3):
        counted.check_upload(1)
        now[0] += 10

    with pytest.raises(RateLimited, match="30 seconds"):
        counted.check_upload(1)
    counted.check_upload(2)
    now[0] += 31
    counted.check_upload(1)


def test_who_does_not_come_any_more_is_forgotten(make_settings, now):
    counted = RateLimits(make_settings(web_workers=1))
    for number in range(100):
        counted.check_sign_in(f"192.0.2.{number}")
    now[0] += 3600
    counted.check_sign_in("192.0.2.200")

    assert len(counted._limiter._hits) == 1


def test_who_was_right_may_try_as_often_again(make_settings, now):
    counted = RateLimits(make_settings(web_workers=1))
    for _ in range(30):
        counted.check_sign_in("192.0.2.1")
        counted.forgive_sign_in("192.0.2.1")

    with pytest.raises(RateLimited):
        for _ in range(11):
            counted.check_sign_in("192.0.2.1")
