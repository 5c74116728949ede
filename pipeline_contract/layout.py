"""Where things lie in the lake's bucket. Pure: keys in, keys out."""

from __future__ import annotations

# Prefixes that begin with an underscore are skipped by Glue crawlers and Athena, and no pipe covers them.
LAKE = "lake"
STAGING = "_staging"
LEDGER = "_ledger"


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


def name_batch(lineage: str, batch: int) -> str:
    """The value of `_batch_id`; it sorts as the ledger does."""
    return f"{lineage}-{batch:010d}"


def name_lineage(number: int, token: str) -> str:
    """The id of a pipeline's n-th lineage, n from 1; it sorts in the order in which lineages began."""
    return f"{number:04d}-{token}"


def final_key(pipeline: str, output: str, partition_path: str, batch_id: str, number: int, extension: str) -> str:
    """The key of a batch's n-th file of one output: the same for every attempt that has the same files.

    `partition_path` is empty or `name=value/…/` as Spark wrote it.
    """
    return f"{output_prefix(pipeline, output)}{partition_path}{batch_id}-{number:04d}.{extension}"
