"""What is to be done in Glue and Athena, as a list, before anything is done. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from aws_integration.naming import CRAWLED, CatalogNames, CatalogOutput
from aws_integration.tables import describe_partition, describe_table, find_partition_paths, read_partition_values
from pipeline_contract.errors import ConfigurationError

# Most that one call takes: docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html and -DeletePartition.html
CREATE_AT_ONCE, DELETE_AT_ONCE = 100, 25
# What a query may scan, unless told otherwise.
SCAN_LIMIT_BYTES = 10_000 * 10**6
Action = Literal["create", "update", "delete"]


class Step(NamedTuple):
    """One line of a plan: the call of boto3's that carries it out, with its parameters."""

    service: Literal["glue", "athena", "s3", "lambda", "apigateway", "dynamodb", "firehose", "secretsmanager"]
    action: Action
    what: str
    call: str
    request: Mapping[str, Any]


class Found(NamedTuple):
    """What is there already; None where something is not. Tables by name, partitions by table, values and location."""

    database: bool
    crawler: Mapping[str, Any] | None
    workgroup: Mapping[str, Any] | None
    tables: Mapping[str, Mapping[str, Any]]
    partitions: Mapping[str, Mapping[tuple[str, ...], str]]


def plan_deployment(names: CatalogNames, found: Found, scan_limit_bytes: int) -> list[Step]:
    """The steps that bring database, crawler and workgroup about; none for what is as it should be."""
    steps = []
    if not found.database:
        request = {"DatabaseInput": describe_database(names)}
        steps.append(Step("glue", "create", f"database {names.database}", "create_database", request))
    crawler = describe_crawler(names)
    what = f"crawler {names.crawler} of {', '.join(names.locate(output.prefix) for output in names.outputs)}"
    if found.crawler is None:
        steps.append(Step("glue", "create", what, "create_crawler", crawler))
    elif not _is_crawler(found.crawler, crawler):
        steps.append(Step("glue", "update", what, "update_crawler", crawler))
    configuration = describe_workgroup(names, scan_limit_bytes)
    what = f"workgroup {names.workgroup}, at most {scan_limit_bytes / 1e6:,.0f} MB a query"
    if found.workgroup is None:
        created = {"Name": names.workgroup, "Configuration": configuration}
        steps.append(Step("athena", "create", what, "create_work_group", created))
    elif not _agrees(found.workgroup, configuration):
        changes = dict(configuration)
        changes["ResultConfigurationUpdates"] = changes.pop("ResultConfiguration")
        updated = {"WorkGroup": names.workgroup, "ConfigurationUpdates": changes}
        steps.append(Step("athena", "update", what, "update_work_group", updated))
    return steps


def describe_database(names: CatalogNames) -> dict[str, str]:
    """The database of a pipeline's tables."""
    return {"Name": names.database, "Description": f"Objects of pipeline {names.pipeline} in s3://{names.bucket}"}


def describe_crawler(names: CatalogNames) -> dict[str, Any]:
    """The crawler: one table for each folder, partitions of objects that are gone are dropped."""
    return {
        "Name": names.crawler,
        "Role": names.crawler_role,
        "DatabaseName": names.database,
        "Targets": {"S3Targets": [{"Path": names.locate(output.prefix)} for output in names.outputs]},
        "TablePrefix": CRAWLED,
        "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DELETE_FROM_DATABASE"},
    }


def describe_workgroup(names: CatalogNames, scan_limit_bytes: int) -> dict[str, Any]:
    """The workgroup's configuration: where results go, whatever a client says, and what a query may scan."""
    return {
        "ResultConfiguration": {"OutputLocation": names.locate(names.results)},
        "EnforceWorkGroupConfiguration": True,
        "BytesScannedCutoffPerQuery": scan_limit_bytes,
    }


def plan_registration(
    names: CatalogNames, found: Found, keys: Mapping[str, Sequence[str]], projection: Mapping[str, str]
) -> list[Step]:
    """The steps that write the contract's tables, and the partitions in which objects lie.

    `keys` holds the objects' keys by table. Where the curated table is projected, it has no partitions in the catalog.
    """
    if not found.database:
        raise ConfigurationError(
            f"Glue has no database {names.database}: run `python -m aws_integration catalog deploy {names.pipeline}` first"
        )
    steps: list[Step] = []
    for output in names.outputs:
        of_table = projection if output.partition_keys else {}
        steps += _plan_table(names, output, found, of_table)
        if output.partition_keys:
            paths = [] if of_table else find_partition_paths(output, keys[output.table])
            steps += _plan_partitions(names, output, found.partitions.get(output.table, {}), paths)
    return steps


def plan_drop(names: CatalogNames, found: Found) -> list[Step]:
    """The steps that take crawler, database with its tables, and workgroup away; the objects stay."""
    steps = []
    if found.crawler is not None:
        steps.append(Step("glue", "delete", f"crawler {names.crawler}", "delete_crawler", {"Name": names.crawler}))
    if found.database:
        what = f"database {names.database} with {len(found.tables)} tables"
        steps.append(Step("glue", "delete", what, "delete_database", {"Name": names.database}))
    if found.workgroup is not None:
        request = {"WorkGroup": names.workgroup, "RecursiveDeleteOption": True}
        steps.append(Step("athena", "delete", f"workgroup {names.workgroup}", "delete_work_group", request))
    return steps


def _plan_table(
    names: CatalogNames, output: CatalogOutput, found: Found, projection: Mapping[str, str]
) -> Iterator[Step]:
    wanted = describe_table(names, output, projection)
    there = found.tables.get(output.table)
    request = {"DatabaseName": names.database, "TableInput": wanted}
    what = f"table {names.database}.{output.table} with {len(output.columns)} columns"
    if there is None:
        yield Step("glue", "create", what, "create_table", request)
    elif not _agrees(there, wanted):
        yield Step("glue", "update", what, "update_table", request)


def _is_crawler(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a crawler is as it should be; Glue tells of its role by the name alone."""
    role = str(wanted["Role"])
    return there.get("Role") in (role, role.rpartition("/")[2]) and _agrees({**there, "Role": role}, wanted)


def _agrees(there: Any, wanted: Any) -> bool:
    """Whether what is there says all that is wanted; Glue may say more, such as defaults."""
    if isinstance(wanted, Mapping) and isinstance(there, Mapping):
        projected = {name for name in there if name.startswith("projection.")}
        return projected <= wanted.keys() and all(_agrees(there.get(name), value) for name, value in wanted.items())
    if isinstance(wanted, list) and isinstance(there, list):
        return len(there) == len(wanted) and all(map(_agrees, there, wanted))
    return bool(there == wanted)


def _plan_partitions(
    names: CatalogNames, output: CatalogOutput, there: Mapping[tuple[str, ...], str], paths: Sequence[str]
) -> Iterator[Step]:
    wanted = {read_partition_values(path): path for path in paths}
    place = {"DatabaseName": names.database, "TableName": output.table}
    for new in _cut(sorted(wanted.keys() - there.keys()), CREATE_AT_ONCE):
        inputs = [describe_partition(names, output, wanted[values]) for values in new]
        what = _name_partitions(output, new)
        yield Step("glue", "create", what, "batch_create_partition", {**place, "PartitionInputList": inputs})
    for gone in _cut(sorted(there.keys() - wanted.keys()), DELETE_AT_ONCE):
        values = [{"Values": list(v)} for v in gone]
        what = _name_partitions(output, gone)
        yield Step("glue", "delete", what, "batch_delete_partition", {**place, "PartitionsToDelete": values})


def _name_partitions(output: CatalogOutput, partitions: Sequence[tuple[str, ...]]) -> str:
    shown = ", ".join("/".join(values) for values in partitions[:3])
    more = f" and {len(partitions) - 3} more" if len(partitions) > 3 else ""
    return f"partitions of {output.table} by {', '.join(output.partition_keys)}: {shown}{more}"


def _cut(partitions: Sequence[tuple[str, ...]], size: int) -> Iterator[Sequence[tuple[str, ...]]]:
    return (partitions[first : first + size] for first in range(0, len(partitions), size))
