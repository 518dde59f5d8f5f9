"""Names of writers, and the locks that say which of them live."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from app.writers import Writers


@pytest.fixture
def hasty_threads():
    """Let threads take turns after every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_the_first_uploads_of_a_process_may_begin_in_several_threads_at_once(tmp_path, hasty_threads):
    other = Writers(tmp_path)
    for _ in range(20):
        writers, together = Writers(tmp_path), Barrier(4, timeout=20)

        def upload(writers=writers, together=together):
            together.wait()
            with writers.one_upload() as me:
                together.wait()
                assert other.is_alive(me)
            return me

        with ThreadPoolExecutor(4) as threads:
            names = {each.result() for each in [threads.submit(upload) for _ in range(4)]}
        assert len(names) == 4
        assert [other.is_alive(name) for name in names] == [False] * 4
        writers.leave()
