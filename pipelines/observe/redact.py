"""Messages that leave the machine: a reason may quote a value of a payload, and an address in it is somebody's."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"""[^\s@'"<>(),;:]+@[^\s@'"<>(),;:]+""")


def without_addresses(text: str) -> str:
    """The text with ``<address>`` in the place of every e-mail address."""
    return _ADDRESS.sub("<address>", text)
