"""Ctrl-C and SIGTERM on the command line: one sentence and status 130, from the first moment on.

Standard library only: this is loaded before anything that takes time to load.
"""

import logging
import os
import signal
from collections.abc import Callable
from types import FrameType

STATUS = 130
"""The exit status of an interrupted command, whichever signal interrupted it."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A KeyboardInterrupt on its way through typer, which would swallow one without a word."""


def leave() -> None:
    """From now on a signal ends the process at once: right while there is nothing to tidy up.

    An exception raised in the middle of an import would come out of it in many disguises.
    """
    _handle(_leave)


def unwind() -> None:
    """From now on a signal raises KeyboardInterrupt, so that what was opened is closed."""
    _handle(_unwind)


def ignore() -> None:
    """Let nothing disturb the end."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def hold() -> None:
    """Keep signals back over an ``exec``, until the new program calls `leave`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def silence_driver() -> None:
    """Nobody who interrupts wants to read that a connection in mid-sentence could not roll back: closing it does."""
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background jobs ask for that
            signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os.write(2, b"maillage: interrupted\n")
    os._exit(STATUS)


def _unwind(_number: int, _frame: FrameType | None) -> None:
    silence_driver()
    raise KeyboardInterrupt
