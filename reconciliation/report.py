"""The statement for a reader: one table, and below it what is not as it should be."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reconciliation.statement import Statement

_VERDICTS = {0: ("complete: every row is accounted for, exactly once", "bold green"),
             1: ("NOT COMPLETE: see below", "bold red"),
             4: ("not finished yet: rows are on their way", "bold yellow")}  # fmt: skip
_STYLES = {"missing": "red", "duplicate": "red", "altered": "red", "unexplained": "red", "pending": "yellow"}
_ORDER = ("missing", "duplicate", "altered", "unexplained", "pending", "note")


def render_report(statement: Statement) -> RenderableType:
    """The figures as one table, the verdict, and every finding."""
    verdict, style = _VERDICTS[statement.exit_code]
    findings = sorted(statement.findings, key=lambda finding: _ORDER.index(finding.kind))
    lines = [
        Text.assemble(
            (finding.kind, _STYLES.get(finding.kind, "dim")),
            f" {finding.zone}: {finding.text}",
            f" ({finding.rows:,} rows)" if finding.rows else "",
        )
        for finding in findings
    ]
    title = f"Reconciliation of {statement.pipeline}"
    if statement.mode == "fast":
        title += " (--fast: the ledger's word and counts, not row by row)"
    return Group(Text(title, "bold"), _render_figures(statement), Text(verdict, style), *lines)


def _render_figures(statement: Statement) -> Table:
    table = Table()
    table.add_column("", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("from", overflow="fold")
    for name in ("produced", "raw", "curated", "rejected"):
        value = getattr(statement, name)
        table.add_row(name, "—" if value is None else f"{value:,}", statement.basis.get(name, ""))
    for reason, count in statement.rejected_by_reason.items():
        table.add_row(Text(f"  {reason}"), f"{count:,}", "")
    table.add_section()
    for name in ("loaded", "pending", "missing", "duplicates"):
        value = getattr(statement, name)
        alarm = {"pending": "yellow", "missing": "red", "duplicates": "red"}.get(name, "") if value else ""
        table.add_row(name, f"{value:,}", statement.basis.get(name, ""), style=alarm)
    table.add_section()
    for figures in statement.tables:
        rest = [f"{n:,} {word}" for word, n in (("pending", figures.pending), ("missing", figures.missing)) if n]
        rest += [f"{figures.duplicates:,} surplus"] if figures.duplicates else []
        table.add_row(Text(f"table {figures.table}"), f"{figures.loaded:,}", f"of {figures.rows:,}"
                      + (f"; {', '.join(rest)}" if rest else ""))  # fmt: skip
    for name, count in statement.open_windows.items():
        table.add_row(
            Text(f"open windows, {name}"), f"{count:,}", "not published before the watermark passes, or `close`"
        )
    for name, count in statement.late_rows.items():
        table.add_row(
            Text(f"late rows, {name}"), f"{count:,}", "curated, but too late for a window; a backfill counts them"
        )
    return table
