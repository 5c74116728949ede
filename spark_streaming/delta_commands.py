"""What the commands that keep a Delta table in order do and say; they need no Spark."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.console import Console

from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.durations import parse_duration
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from spark_streaming.delta_upkeep import delete_files, open_delta, plan_merges, plan_vacuum

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, and do nothing.")]
OlderThan = Annotated[
    str,
    typer.Option("--older-than", help="How long no reader needs a file that was replaced; whole hours, rounded up."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
NOTHING_DONE = "planned; nothing was done"


class Answer:
    """What a command has to say: lines or JSON on standard output, and one sentence on standard error."""

    def __init__(self, as_json: bool, quiet: bool) -> None:
        self._as_json = as_json
        self._talk = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)

    def tell(self, lines: Sequence[str], facts: dict[str, Any], sentence: str) -> None:
        """Say it."""
        sys.stdout.writelines([f"{json.dumps(facts)}\n"] if self._as_json else [f"{line}\n" for line in lines])
        self._talk.print(sentence, markup=False)


def optimize_table(settings: Settings, contract: Contract, dry_run: bool, answer: Answer) -> None:
    """Merge the small files of a Delta table, or tell what would be merged."""
    table = open_delta(settings, contract)
    merges = plan_merges(table.list_files(), contract.lake.target_file_bytes)
    written = 0 if dry_run or not merges else table.merge_files(contract.lake.target_file_bytes)
    lines = [f"{merge.partition or 'the table'}: {merge.files} files, {merge.bytes:,} bytes" for merge in merges]
    facts = {"planned": [asdict(merge) for merge in merges], "written": written, "dry_run": dry_run}
    done = NOTHING_DONE if dry_run else f"{sum(merge.files for merge in merges)} files became {written}"
    answer.tell(lines, facts, done if merges else "no partition has more than one small file")


def vacuum_table(settings: Settings, contract: Contract, older_than: str, dry_run: bool, answer: Answer) -> None:
    """Delete what merges have left behind, or tell what would be deleted."""
    plan = plan_vacuum(open_delta(settings, contract), read_age(older_than))
    if not dry_run:
        delete_files(open_s3(settings.s3), settings.s3.bucket, plan.keys)
    facts = {"files": plan.keys, "needed": plan.needed, "dry_run": dry_run}
    done = NOTHING_DONE if dry_run else f"{len(plan.keys)} files deleted"
    answer.tell(
        plan.keys, facts, f"{done}; {plan.needed} files that merges have replaced stay, as the ledger names them"
    )


def read_age(text: str) -> timedelta:
    """A duration of the command line, or `ConfigurationError`."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ConfigurationError(f"--older-than {text!r}: {error}") from None
