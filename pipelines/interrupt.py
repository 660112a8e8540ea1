"""Ctrl-C: one message and exit 130, whenever it is pressed and whatever the libraries at work make of it."""

from __future__ import annotations

import os
import signal
from types import FrameType

EXIT_CODE = 130
MESSAGE = "interrupted; what was not committed will be done again by the next run"
_heard = False


def end_at_once(number: int, frame: FrameType | None) -> None:
    """What to do where nothing is begun: an exception would be lost or told as a traceback."""
    os.write(2, f"touchloop: {MESSAGE}\n".encode())
    os._exit(EXIT_CODE)


def end_in_order(number: int, frame: FrameType | None) -> None:
    """What to do in the midst of work: unwind, and end at once when it is pressed again, which is as safe as ``kill -9``."""
    global _heard
    _heard = True
    signal.signal(signal.SIGINT, end_at_once)
    raise KeyboardInterrupt


def is_heard() -> bool:
    """Whether what ends the work may be what a library made of our exception."""
    return _heard
