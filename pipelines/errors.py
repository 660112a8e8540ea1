"""Faults that a user can cause, each with the exit code that the command line gives it."""

from __future__ import annotations


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
