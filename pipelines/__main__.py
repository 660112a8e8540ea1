"""Where ``touchloop`` and ``python -m pipelines`` begin: before anything of size is imported."""

from __future__ import annotations

import os
import signal
import sys

from pipelines import interrupt


def main() -> None:
    """Run the command line. To import it takes long enough for somebody to press Ctrl-C."""
    # workers and the auditor would take a pickle.py, or a folder warehouse/, that lies where somebody stands for what they are made of
    os.environ["PYTHONSAFEPATH"] = "1"
    hears = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a shell's background jobs do not
    if hears:
        signal.signal(signal.SIGINT, interrupt.end_at_once)
    open_standard_streams()
    from pipelines.cli.app import main as run

    if hears:
        signal.signal(signal.SIGINT, interrupt.end_in_order)
    run()


def open_standard_streams() -> None:
    """Where a caller has closed one, nothing is read or written, instead of the first file that gets its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


if __name__ == "__main__":
    main()
