"""Carries out a plan, step by step, on the warehouse and the bucket."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from connections.s3 import open_s3
from connections.settings import Settings
from connections.warehouse import Connection, StatementFailed, execute_statement, open_warehouse, quote_literal
from pipeline_contract.data_sets import DataSet
from pipeline_contract.errors import PipelineError, ServiceError
from snowflake_integration.naming import Names, Target, derive_names
from snowflake_integration.notifications import (
    Wiring,
    merge_wiring,
    read_notifications,
    remove_wiring,
    write_notifications,
)
from snowflake_integration.pipes import find_queue, is_empty, list_keys, read_columns, read_load_state, read_pipes
from snowflake_integration.plan import Found, Step
from snowflake_integration.waiting import pause_drained, resume_pipe

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Site(NamedTuple):
    """The two places that a plan changes, and the pipeline that it is about."""

    connection: Connection
    s3: S3Client
    bucket: str
    pipeline: str
    names: Names
    timeout_s: float


class Done(NamedTuple):
    """One step that was carried out: what came of it, and how long it took."""

    step: Step
    outcome: str
    duration_s: float


@contextmanager
def open_site(contract: DataSet, settings: Settings, timeout_s: float, role: str | None = None) -> Iterator[Site]:
    """Both places of a pipeline, as long as the block lasts; `role` as in `open_warehouse`."""
    with closing(open_warehouse(settings.warehouse, role=role)) as connection:
        names = derive_names(contract, settings)
        yield Site(connection, open_s3(settings.s3), settings.s3.bucket, contract.name, names, timeout_s)


def look_around(connection: Connection, names: Names) -> Found:
    """What the warehouse has of a pipeline; nothing, when it was never deployed."""
    pipes = read_pipes(connection, names)
    new = [target for target in names.targets if target.pipe_name not in pipes]
    empty = {target.name for target in new if is_empty(connection, target)}
    columns = {wanted.name: read_columns(connection, wanted.table) for wanted in names.tables}
    return Found(pipes, empty, {table: there for table, there in columns.items() if there})


def carry_out(site: Site, steps: Iterable[Step], report: Callable[[Done], None]) -> list[Done]:
    """Do every step in order, telling `report` of each; the first that fails ends it, with its script named."""
    done = []
    for step in steps:
        started = time.monotonic()
        try:
            outcome = _ACTIONS[step.action](site, step)
        except StatementFailed as error:
            raise ServiceError(f"{step.script}: {error}") from None
        done.append(Done(step, outcome, time.monotonic() - started))
        report(done[-1])
    return done


def _run(site: Site, step: Step) -> str:
    answer = execute_statement(site.connection, step.statement)
    if answer.columns == ("status",) and answer.rows:
        return str(answer.rows[0][0])
    return "done"


def _keep(_site: Site, _step: Step) -> str:
    return "as it should be"


def _replace(site: Site, step: Step) -> str:
    """Replace a pipe without losing or doubling a file.

    The new pipe does not know what the old one has loaded (SP03), and what was announced to the old one in between goes
    with it. So the old one is drained and paused; what it has not dealt with by then is given to the new one by name.
    """
    target = _target(step)
    pause_drained(site.connection, target, site.timeout_s)
    try:
        there = list_keys(site.s3, site.bucket, target.prefix)
        pending = read_load_state(site.connection, site.s3, site.names, target, site.bucket).pending
        execute_statement(site.connection, step.statement)
    except PipelineError:
        resume_pipe(site.connection, target)
        raise
    settled = set(there).difference(pending)
    for key in list_keys(site.s3, site.bucket, target.prefix):
        if key not in settled:
            name = quote_literal(key.removeprefix(target.prefix))
            execute_statement(site.connection, f"ALTER PIPE {target.pipe} REFRESH PREFIX = {name}")
    return "replaced, its COPY had changed"


def _notify(site: Site, _step: Step) -> str:
    queue = find_queue(read_pipes(site.connection, site.names).values())
    if queue is None:
        raise ServiceError(
            f"SHOW PIPES IN SCHEMA {site.names.schema} names no notification_channel: are the pipes there?"
        )
    wiring = Wiring(site.pipeline, site.names.stage_prefix, queue)
    merged = merge_wiring(read_notifications(site.s3, site.bucket), wiring)
    if merged is None:
        return "as it should be"
    write_notifications(site.s3, site.bucket, merged)
    return f"wired to {queue}"


def _unwire(site: Site, _step: Step) -> str:
    current = read_notifications(site.s3, site.bucket)
    remaining = remove_wiring(current, site.pipeline)
    if remaining == current:
        return "nothing was wired"
    write_notifications(site.s3, site.bucket, remaining)
    return "removed"


def _refresh(site: Site, step: Step) -> str:
    answer = execute_statement(site.connection, step.statement)
    return f"{len(answer.rows)} file(s) looked at"


def _target(step: Step) -> Target:
    if step.target is None:
        raise ValueError(f"a step of this kind needs its pipe: {step.title}")
    return step.target


_ACTIONS: dict[str, Callable[[Site, Step], str]] = {
    "run": _run,
    "keep": _keep,
    "replace": _replace,
    "notify": _notify,
    "unwire": _unwire,
    "refresh": _refresh,
}
