"""Where things lie in the lake's bucket. Pure: keys in, keys out."""

from __future__ import annotations

# Prefixes that begin with an underscore are skipped by Glue crawlers and Athena, and no pipe covers them.
LAKE = "lake"
STAGING = "_staging"
LEDGER = "_ledger"
# What replaces published objects lies outside `lake/`, where no pipe looks.
OPERATIONS = "operations"
ATHENA_RESULTS = "_athena"
# What the `_batch_id` of a backfill's rows begins with.
BACKFILL = "backfill-"


def output_prefix(pipeline: str, output: str) -> str:
    """The prefix of an output's published objects; it ends in a slash, so that it matches no longer name (SP12)."""
    return f"{LAKE}/{pipeline}/{output}/"


def staging_folder(pipeline: str, query: str, batch_id: str) -> str:
    """The prefix of every attempt at one batch."""
    return f"{STAGING}/{pipeline}/{query}/{batch_id}/"


def staging_prefix(pipeline: str, query: str, batch_id: str, attempt: str) -> str:
    """The prefix under which one attempt at one batch writes before it is published."""
    return f"{staging_folder(pipeline, query, batch_id)}{attempt}/"


def query_prefix(pipeline: str, query: str) -> str:
    """The prefix of everything that the ledger holds of one query."""
    return f"{LEDGER}/{pipeline}/{query}/"


def contract_key(pipeline: str, version: int) -> str:
    """The key of the contract that a pipeline has run with as this version."""
    return f"{contracts_prefix(pipeline)}{version:06d}.json"


def contracts_prefix(pipeline: str) -> str:
    """The prefix of every contract that a pipeline has run with."""
    return f"{LEDGER}/{pipeline}/contracts/"


def name_batch(lineage: str, batch: int) -> str:
    """The value of `_batch_id`; it sorts as the ledger does."""
    return f"{lineage}-{batch:010d}"


def name_lineage(number: int, token: str) -> str:
    """The id of a pipeline's n-th lineage, n from 1; it sorts in the order in which lineages began."""
    return f"{number:04d}-{token}"


def operations_prefix(pipeline: str) -> str:
    """The prefix of every object that an operation of a pipeline's ledger publishes; no pipe covers it."""
    return f"{OPERATIONS}/{pipeline}/"


def operation_prefix(pipeline: str, attempt: str) -> str:
    """The prefix of the objects that one attempt at an operation writes; the operation's record makes them visible."""
    return f"{operations_prefix(pipeline)}{attempt}/"


def name_backfill(number: int) -> str:
    """The `_batch_id` of the rows that a backfill publishes."""
    return f"{BACKFILL}{number:06d}"


def carried_prefix(pipeline: str, attempt: str) -> str:
    """The prefix of the rows that an attempt at a backfill carries over unchanged."""
    return f"{operation_prefix(pipeline, attempt)}carried/"


def athena_results_prefix(pipeline: str) -> str:
    """The prefix of the results of a pipeline's queries; no crawler and no query reads it."""
    return f"{ATHENA_RESULTS}/{pipeline}/"


def partition_path(key: str) -> str:
    """The `name=value/…/` before the file's name in a key of the lake; empty without any."""
    return "".join(f"{part}/" for part in key.split("/")[:-1] if "=" in part)


def final_key(pipeline: str, output: str, partition_path: str, batch_id: str, number: int, extension: str) -> str:
    """The key of a batch's n-th file of one output: the same for every attempt that has the same files.

    `partition_path` is empty or `name=value/…/` as Spark wrote it.
    """
    return f"{output_prefix(pipeline, output)}{partition_path}{batch_id}-{number:04d}.{extension}"
