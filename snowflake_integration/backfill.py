"""Bringing backfills of the lake into the warehouse, one after the other, each in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from connections.ledger import Ledger
from connections.operations import read_state
from connections.warehouse import StatementFailed, execute_statement, run_query
from pipeline_contract.errors import CheckFailed, ConfigurationError
from pipeline_contract.layout import LAKE
from pipeline_contract.manifest import Backfill
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST
from snowflake_integration.backfill_statements import Deletion, count_new_rows, list_copies, list_deletions
from snowflake_integration.deployment import Site
from snowflake_integration.pipes import read_load_state
from snowflake_integration.waiting import wait_for_files

Say = Callable[[str], None]


@dataclass(frozen=True)
class Application:
    """One backfill to apply; `replaced` says how many rows it takes the place of, by output."""

    backfill: Backfill
    replaced: dict[str, int]


def plan_applications(site: Site, number: int | None) -> list[Application]:
    """The backfills that the warehouse lacks, in order: all, or the one that is asked for and has none before it."""
    state = read_state(Ledger(site.s3, site.bucket, site.pipeline, INGEST))
    backfills = [operation for operation in state.operations if isinstance(operation, Backfill)]
    applied = read_applied(site)
    open_ones = [backfill for backfill in backfills if backfill.number > applied]
    if number is not None:
        if number not in {backfill.number for backfill in backfills}:
            known = ", ".join(str(backfill.number) for backfill in backfills) or "none"
            raise ConfigurationError(f"operation {number} of {site.pipeline} is no backfill; backfills: {known}")
        if open_ones and open_ones[0].number < number:
            raise ConfigurationError(
                f"backfill {number} builds on backfill {open_ones[0].number}, which is not applied yet: apply that first, or "
                "leave the number out to apply all"
            )
        open_ones = [backfill for backfill in open_ones if backfill.number == number]
    rows = {f.final_key: f.rows for entry in (*state.manifests, *state.operations) for f in entry.files}
    return [Application(backfill, _count_replaced(backfill, rows)) for backfill in open_ones]


def read_applied(site: Site) -> int:
    """The number of the newest backfill in the tables, 0 before the first.

    It has a row in one of them, as it takes no row away without another in its place; and none is applied before the
    one before it.
    """
    newest = 0
    for target in site.names.targets:
        if target.output.kind not in ("curated", "rejected"):
            continue
        statement = f'SELECT MAX("_BATCH_ID") AS N FROM {target.table} WHERE "_BATCH_ID" LIKE \'backfill-%\''  # noqa: S608
        found = run_query(site.connection, statement)[0]["N"]
        newest = max(newest, int(str(found).rpartition("-")[2]) if found else 0)
    return newest


def describe_application(site: Site, contract: Contract, application: Application) -> list[str]:
    """What applying a backfill does, statement by statement."""
    backfill, topic = application.backfill, contract.topic.name
    deletions = [deletion.statement for deletion in list_deletions(backfill, site.names, topic)]
    copies = list_copies(backfill, site.names, site.pipeline)
    waited = sum(len(_list_live(backfill, output)) for output in backfill.superseded)
    return [
        f"-- backfill {backfill.number}: when {waited} superseded files are loaded",
        f"USE DATABASE {site.names.database}",
        "BEGIN",
        *deletions,
        *copies,
        "COMMIT",
    ]


def describe_applied(numbers: Sequence[int]) -> str:
    """What came of it, in one line."""
    listed = ", ".join(map(str, numbers))
    return f"applied: backfill {listed}" if numbers else "nothing to do: every backfill of the lake is in the tables"


def apply_backfill(site: Site, contract: Contract, application: Application, say: Say) -> None:
    """Wait until what is replaced is loaded, then replace it: a reader sees the old rows or the new ones.

    Raises `NotFinished` at the site's timeout, and `CheckFailed`, with nothing changed, where the tables do not hold
    what the ledger says.
    """
    backfill = application.backfill
    _wait_superseded(site, backfill)
    say(f"backfill {backfill.number}: what it replaces is loaded")
    execute_statement(site.connection, f"USE DATABASE {site.names.database}")
    execute_statement(site.connection, "BEGIN")
    try:
        for deletion in list_deletions(backfill, site.names, contract.topic.name):
            _delete(site, deletion, application)
        for statement in list_copies(backfill, site.names, site.pipeline):
            execute_statement(site.connection, statement)
        _check_copied(site, backfill)
        execute_statement(site.connection, "COMMIT")
    except (StatementFailed, CheckFailed):
        execute_statement(site.connection, "ROLLBACK")
        raise
    say(f"backfill {backfill.number}: applied")


def _wait_superseded(site: Site, backfill: Backfill) -> None:
    """Wait for files below `lake/`: those of operations are loaded by commands like this one, in order."""
    for target in site.names.targets:
        if wanted := _list_live(backfill, target.output.name):
            look = partial(read_load_state, site.connection, site.s3, site.names, target, site.bucket)
            wait_for_files(look, wanted, site.timeout_s)


def _list_live(backfill: Backfill, output: str) -> set[str]:
    return {key for key in backfill.superseded.get(output, ()) if key.startswith(f"{LAKE}/")}


def _delete(site: Site, deletion: Deletion, application: Application) -> None:
    wanted = application.replaced[deletion.target.output.name]
    found = int(run_query(site.connection, deletion.question)[0]["N"])
    if found != wanted:
        raise CheckFailed(
            f"backfill {application.backfill.number}: table {deletion.target.name} holds {found} rows that it replaces, the "
            f"lake held {wanted}; nothing was changed. See `python -m reconciliation check {site.pipeline}`"
        )
    execute_statement(site.connection, deletion.statement)


def _check_copied(site: Site, backfill: Backfill) -> None:
    for target in site.names.targets:
        wanted = sum(file.rows for file in backfill.replacements if file.output == target.output.name)
        found = int(run_query(site.connection, count_new_rows(backfill, target))[0]["N"])
        if found != wanted:
            raise CheckFailed(
                f"backfill {backfill.number}: {found} rows were copied into {target.name}, its files hold {wanted}; nothing "
                "was changed"
            )


def _count_replaced(backfill: Backfill, rows: dict[str, int]) -> dict[str, int]:
    """The rows of the superseded files that are not carried over, by output."""
    return {
        output: sum(rows[key] for key in backfill.superseded.get(output, ()))
        - sum(file.rows for file in backfill.carried if file.output == output)
        for output in ("curated", "rejected")
    }
