"""How change sets and teardowns look: tables for people, plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from aws_integration.change_sets import ChangeSet


def show_changes(change_set: ChangeSet) -> Table | str:
    """What would change in a stack; a resource that would be made anew is named so."""
    if not change_set.changes:
        return f"Stack {change_set.stack}: no changes"
    title = f"{'New stack' if change_set.is_new else 'Stack'} {change_set.stack}: {_count(len(change_set.changes))}"
    table = Table("action", "resource", "type", "what", title=title, title_justify="left")
    for change in change_set.changes:
        anew = "made anew: " if change.replacement == "True" else ""
        table.add_row(change.action.lower(), change.resource, change.type, Text(anew + ", ".join(change.properties)))
    return table


def change_records(change_set: ChangeSet) -> dict[str, Any]:
    """A change set for JSON."""
    changes = [change._asdict() for change in change_set.changes]
    return {"stack": change_set.stack, "is_new": change_set.is_new, "changes": changes}


def show_teardown(stack: str, deleted: Sequence[str], kept: Sequence[str]) -> Table:
    """What a teardown takes away, and what stays."""
    table = Table("", "resource", title=f"Teardown of stack {stack}", title_justify="left")
    for line in deleted:
        table.add_row("deleted", Text(line))
    for line in kept:
        table.add_row("stays", Text(line))
    return table


def describe_summary(done: Sequence[Mapping[str, Any]]) -> str:
    """One line on what was done."""
    changed = [record["stack"] for record in done if record["changes"]]
    return (
        f"{len(changed)} of {len(done)} stacks changed"
        if changed
        else "everything is as it should be; nothing was done"
    )


def _count(changes: int) -> str:
    return "1 change" if changes == 1 else f"{changes} changes"
