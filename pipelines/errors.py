"""Faults that a user can cause, each with the exit code that the command line gives it."""

from __future__ import annotations

import errno

ADVICE = {
    (
        errno.EACCES,
        errno.EPERM,
    ): "The user who runs touchloop may not: give the file or folder to that user, or run as its owner",
    (errno.EROFS,): "The disk is mounted for reading only",
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG): "Make room; what was not committed is done again by the next run",
    (errno.ENOTDIR, errno.EEXIST, errno.EISDIR): "Something else lies where touchloop keeps its own: move it away",
    (errno.EIO,): "The disk could not be read or written; what was not committed is done again by the next run",
    (errno.EMFILE, errno.ENFILE): "Too many files are open: raise the limit (ulimit -n)",
}
"""What to do where the system refuses something."""


def told_of_system(error: OSError) -> str:
    """What the system refuses: of which file, why, and what to do. Ours, which say so themselves, as they are."""
    if error.errno is None or error.strerror is None:
        return str(error)
    files = " -> ".join(str(one) for one in (error.filename, error.filename2) if one is not None)
    advice = next((text for codes, text in ADVICE.items() if error.errno in codes), None)
    return (f"{files}: " if files else "") + error.strerror + (f". {advice}" if advice else "")


class UserError(Exception):
    """Told to the user as one message, without a traceback."""

    exit_code = 1


class SettingsError(UserError):
    """Bad settings or arguments."""

    exit_code = 2


class TooManyRejects(UserError):
    """An adapter is broken or files are misplaced: too large a share of a unit was rejected."""


class AuditFailed(UserError):
    """The new snapshot was not published."""


class BrokerUnavailable(UserError):
    """Kafka does not answer: an outage, to be waited for. What was not committed is read again."""


class KafkaRefused(UserError):
    """Kafka answers, and says no: waiting does not help (wrong password, no rights, a topic made anew)."""


class OffsetsGone(UserError):
    """Retention took a planned range away before it was read; the next plan sees the gap."""
