"""How a statement ends that cannot be carried out, in Athena's words."""

from __future__ import annotations

# Athena's categories: docs.aws.amazon.com/athena/latest/APIReference/API_AthenaError.html
SYSTEM_ERROR, USER_ERROR = 1, 2


class QueryFailed(Exception):
    """The query ends in state FAILED; the message begins with Trino's name of the error."""

    def __init__(self, reason: str, category: int = USER_ERROR) -> None:
        super().__init__(reason)
        self.reason = reason
        self.category = category


class QueryCancelled(Exception):
    """The query ends in state CANCELLED: somebody stopped it, or it met the workgroup's scan limit."""

    def __init__(self, reason: str, bytes_scanned: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.bytes_scanned = bytes_scanned
