"""What an operator does to a query that does not run: its ledger and checkpoint opened, a plan printed and carried out."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict

from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.outputs import queries
from spark_streaming.checkpoint import Checkpoint
from spark_streaming.checkpoint_changes import Plan, carry_out, find_lineage
from spark_streaming.checkpoint_files import open_files
from spark_streaming.query import name_driver


def open_query(settings: Settings, contract: Contract, query: str) -> tuple[Ledger, Checkpoint]:
    """The ledger of a query, and the checkpoint that its newest lineage lives on, which must be there."""
    if query not in queries(contract):
        raise ConfigurationError(f"--query: found {query!r}, allowed: {', '.join(queries(contract))}")
    s3 = open_s3(settings.s3)
    ledger = Ledger(s3, settings.s3.bucket, contract.name, query)
    checkpoint = Checkpoint(open_files(s3, find_lineage(ledger).checkpoint))
    if checkpoint.is_empty():
        raise ConfigurationError(
            f"{checkpoint.location}: the checkpoint of {contract.name}/{query} is gone, or not on this machine. If it is "
            "gone, a start on a new one goes on by itself"
        )
    return ledger, checkpoint


def open_started(settings: Settings, contract: Contract) -> list[tuple[Ledger, Checkpoint]]:
    """What `open_query` gives for each query that has ever been started."""
    s3 = open_s3(settings.s3)
    names = [q for q in queries(contract) if Ledger(s3, settings.s3.bucket, contract.name, q).read_lineages()]
    return [open_query(settings, contract, name) for name in names or queries(contract)]


def change_checkpoint(
    ledger: Ledger, checkpoint: Checkpoint, make_plan: Callable[[], Plan], dry_run: bool, as_json: bool
) -> None:
    """Print the plan, after it has been carried out unless this is a dry run."""
    plan = make_plan()
    if not dry_run:
        plan = carry_out(ledger, checkpoint, make_plan, f"{name_driver()} (an operator)")
    sys.stdout.write(json.dumps(asdict(plan)) + "\n" if as_json else describe_plan(plan))


def describe_plan(plan: Plan) -> str:
    """A plan as lines of text."""
    lines = [
        f"{plan.query}, lineage {plan.lineage}, checkpoint {plan.checkpoint}",
        "  take the ownership: a driver that still runs stops before it publishes",
        *(f"  {'delete' if c.text is None else 'write'} {c.name}: {c.reason}" for c in plan.changes),
        f"  then {plan.outcome}",
    ]
    return "\n".join(lines) + "\n"
