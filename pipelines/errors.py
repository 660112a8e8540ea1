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


class BrokerUnavailable(UserError):
    """Kafka does not answer: an outage, to be waited for. What was not committed is read again."""


class KafkaRefused(UserError):
    """Kafka answers, and says no: waiting does not help (wrong password, no rights, a topic made anew)."""


class OffsetsGone(UserError):
    """Retention took a planned range away before it was read; the next plan sees the gap."""
