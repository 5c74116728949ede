"""How an emulated service refuses a call."""

from __future__ import annotations


class CallRefused(Exception):
    """A call that is refused, with the name that AWS gives to such an error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
