"""What a check has found, beyond its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["missing", "duplicate", "altered", "unexplained", "pending", "note"]
PROBLEMS: frozenset[Kind] = frozenset({"missing", "duplicate", "altered", "unexplained"})


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be, or is worth knowing; `text` names the file, lines, offsets or object.

    `zone` is where it was seen: source, topic, ledger, an output's objects or its table.
    """

    kind: Kind
    zone: str
    text: str
    rows: int | None = None

    @property
    def is_problem(self) -> bool:
        """Whether the check fails by it."""
        return self.kind in PROBLEMS
