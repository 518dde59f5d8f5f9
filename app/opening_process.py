"""What is done once before a server's first web worker, in a process forked from the master that has the app."""

import os
import signal
from collections.abc import Callable, Collection

from . import logs

_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def run(wait_for_signals: Callable[[], Collection[int]], signals: Collection[signal.Signals]) -> int | None:
    """Return the exit status of it, or None if it was ended by a signal that the master heard meanwhile.

    `signals` are those that the master hears, one of its children's ends among them; `wait_for_signals` returns them
    soon after one came.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    child = os.fork()
    if not child:
        _open(signals)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    is_ended = False
    while not (found := os.waitpid(child, os.WNOHANG))[0]:
        if not is_ended and _ENDING & set(wait_for_signals()):
            is_ended = True
            os.kill(child, signal.SIGTERM)
    return None if is_ended else os.waitstatus_to_exitcode(found[1])


def _open(signals: Collection[signal.Signals]) -> None:
    """Do it and end this process."""
    status = 1
    try:
        for one in signals:
            signal.signal(one, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        from .cli import told  # noqa: PLC0415 after gevent has patched what it is made of
        from .cli.opening import open_server  # noqa: PLC0415 as above

        status = told(open_server)
    except BaseException as e:  # noqa: BLE001 this process is a copy: nothing of it may go on
        logs.uncaught(e)
    finally:
        os._exit(status)
