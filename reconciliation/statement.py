"""The outcome of a check: the figures, what was found, and the exit code that follows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from reconciliation.findings import Finding

DONE, FAILED, NOT_FINISHED = 0, 1, 4


@dataclass(frozen=True)
class TableFigures:
    """How many rows of an output's objects are in its table, on their way, or missing there; and surplus ones."""

    table: str
    rows: int
    loaded: int
    pending: int
    missing: int
    duplicates: int


@dataclass(frozen=True)
class Statement:
    """The account of a pipeline: produced = curated + rejected, curated = loaded + pending + missing.

    `raw` counts raw rows in the lake, and is None where a way has none; `duplicates` the surplus physical rows of all
    zones. `basis` says what a figure rests on.
    """

    pipeline: str
    produced: int
    raw: int | None
    curated: int
    rejected: int
    loaded: int
    pending: int
    missing: int
    duplicates: int
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    open_windows: dict[str, int] = field(default_factory=dict)
    late_rows: dict[str, int] = field(default_factory=dict)
    tables: tuple[TableFigures, ...] = ()
    findings: tuple[Finding, ...] = ()
    basis: dict[str, str] = field(default_factory=dict)
    mode: Literal["full", "fast"] = "full"

    @property
    def has_failed(self) -> bool:
        """Whether anything is missing, surplus, altered or unexplained, anywhere."""
        return bool(self.missing or self.duplicates or any(finding.is_problem for finding in self.findings))

    @property
    def is_pending(self) -> bool:
        """Whether anything is still on its way."""
        return bool(self.pending or any(finding.kind == "pending" for finding in self.findings))

    @property
    def is_complete(self) -> bool:
        """Whether every row is accounted for, once, and nothing is on its way."""
        return not self.has_failed and not self.is_pending

    @property
    def exit_code(self) -> int:
        """0 complete, 1 something is wrong, 4 nothing is wrong but something is still on its way."""
        return FAILED if self.has_failed else NOT_FINISHED if self.is_pending else DONE

    def as_json(self) -> dict[str, Any]:
        """The statement as one JSON object: the eight figures, `complete`, then the details."""
        figures = ("produced", "raw", "curated", "rejected", "loaded", "pending", "missing", "duplicates")
        return {
            "pipeline": self.pipeline,
            **{name: getattr(self, name) for name in figures},
            "complete": self.is_complete,
            "mode": self.mode,
            "rejected_by_reason": self.rejected_by_reason,
            "open_windows": self.open_windows,
            "late_rows": self.late_rows,
            "tables": [asdict(table) for table in self.tables],
            "findings": [asdict(finding) for finding in self.findings],
            "basis": self.basis,
        }
