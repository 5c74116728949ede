"""The scripts of a data set: templates and contract in, plain SQL out, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connections.settings import Settings
from connections.warehouse import name_loader_role, quote_literal
from pipeline_contract.data_sets import DataSet
from pipeline_contract.ddl import quote_snowflake, snowflake_table, way_table, way_table_name
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_model import EventContract, PayloadField
from pipeline_contract.model import Aggregate, Contract
from pipeline_contract.outputs import WINDOW_COLUMNS
from pipeline_contract.policies import role_arn, topic_arn
from pipeline_contract.ways import WayTable, list_way_partitions
from snowflake_integration import naming
from snowflake_integration.copy_statement import pipe_copy, reload_copy, replacing_copy
from snowflake_integration.naming import Target, derive_names, qualify

TEMPLATES = Path(__file__).parent / "templates"
# Events have scripts of their own under these numbers; the others they share with the pipelines.
EVENTS = "events"
SQL = Path(__file__).parent / "sql"
DEPLOYED = ("01", "02", "03", "04", "05", "06", "07")
ERROR_NOTIFICATIONS = "08"
TEARDOWN = "11"

_PURPOSES = {
    "raw": "every message as Kafka held it",
    "curated": "valid rows, typed, cleaned and enriched",
    "rejected": "rows that were refused, with every reason",
    "aggregate": "every version of each window; query the view of the same name without _VERSIONS",
    "staged": "every record as often as Firehose has delivered it; query the view of the same name without _STAGING",
}


class Script(NamedTuple):
    """One file of the numbered list."""

    name: str  # 01_roles_and_warehouse.sql
    text: str = ""
    template: str = ""  # below templates/

    @property
    def number(self) -> str:
        """Its place in the order, as two digits."""
        return self.name[:2]

    @property
    def is_deployed(self) -> bool:
        """Whether it is part of a deployment, always or on demand."""
        return self.number in (*DEPLOYED, ERROR_NOTIFICATIONS)


def list_templates(folder: str = "") -> list[Script]:
    """The numbered templates in order, not rendered yet; those of a folder stand for the others of their number."""
    common = {path.name[:2]: path.name for path in TEMPLATES.glob("[0-9][0-9]_*.sql")}
    own = {path.name[:2]: f"{folder}/{path.name}" for path in (TEMPLATES / folder).glob("[0-9][0-9]_*.sql") if folder}
    return [Script(Path(place).name, template=place) for _, place in sorted((common | own).items())]


def choose_scripts(first: str, last: str) -> tuple[str, ...]:
    """The numbers of the scripts that a deployment runs, both ends included."""
    numbers = (*DEPLOYED, ERROR_NOTIFICATIONS)
    if first not in numbers:
        raise ConfigurationError(f"no script {first!r} is part of a deployment: one of {', '.join(numbers)}")
    return tuple(number for number in numbers if first <= number <= last)


def render_scripts(contract: DataSet, settings: Settings) -> list[Script]:
    """Every script of a data set in its order, each ending in one line break."""
    environment = _open_templates()
    scripts = list_templates(EVENTS if isinstance(contract, EventContract) else "")
    values = _collect_values(contract, settings)
    return [
        script._replace(
            text=environment.get_template(script.template).render(values, script=script, scripts=scripts).rstrip()
            + "\n"
        )
        for script in scripts
    ]


def script_folder(pipeline: str, root: Path = SQL) -> Path:
    """Where a pipeline's rendered scripts are committed."""
    return root / pipeline


def compare_scripts(scripts: list[Script], folder: Path) -> list[str]:
    """What differs between the scripts and a folder, one line each; none when the folder is current."""
    there = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}
    wanted = {script.name: script.text for script in scripts}
    return [
        *(f"{folder / name}: missing" for name in wanted if name not in there),
        *(f"{folder / name}: not current" for name, text in wanted.items() if there.get(name, text) != text),
        *(f"{folder / name}: no longer rendered" for name in there if name not in wanted),
    ]


def write_scripts(scripts: list[Script], folder: Path) -> None:
    """Make a folder hold these scripts and no other SQL file."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.sql"):
        if path.name not in {script.name for script in scripts}:
            path.unlink()
    for script in scripts:
        (folder / script.name).write_text(script.text, encoding="utf-8")


def _open_templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - SQL, not HTML: every name and value goes through a quoting filter
    )
    filters: dict[str, Callable[..., Any]] = {
        "identifier": quote_snowflake,
        "literal": quote_literal,
        "qualified": lambda parts: qualify(*parts),
        "way_table": way_table,
        "way_purpose": describe_way_purpose,
        "place": way_table_name,
        "table": lambda target: snowflake_table(target.output),
        "purpose": describe_purpose,
        "pipe_copy": pipe_copy,
        "reload_copy": reload_copy,
        "replacing_copy": replacing_copy,
        "window_key": window_key,
        "group_key": group_key,
        "is_session": is_session,
        "payload_value": read_payload,
    }
    environment.filters.update(filters)
    return environment


def _collect_values(contract: DataSet, settings: Settings) -> dict[str, Any]:
    account = settings.aws.account_id
    return {
        "contract": contract,
        "folder": Path(EVENTS if isinstance(contract, EventContract) else "pipelines"),
        "settings": settings,
        "names": derive_names(contract, settings),
        "loader_role": name_loader_role(settings.warehouse),
        "partitions": [] if isinstance(contract, EventContract) else list_way_partitions(contract),
        "integration": naming.STORAGE_INTEGRATION,
        "error_integration": naming.ERROR_INTEGRATION,
        "snowflake_role_arn": role_arn(account, settings.aws.snowflake_role),
        "error_role_arn": role_arn(account, naming.ERROR_TOPIC),
        "error_topic_arn": topic_arn(settings.s3.region, account, naming.ERROR_TOPIC),
    }


def describe_purpose(target: Target) -> str:
    """What a table holds, in one line."""
    return _PURPOSES[target.output.kind]


def describe_way_purpose(table: WayTable, way: str) -> str:
    """What a table of a way without files holds, in one line."""
    held = {**_PURPOSES, "offsets": "which offsets of each partition are in the tables beside it"}[table.kind]
    return f"{held}; the way {way}"


def window_key(target: Target, contract: Contract) -> list[str]:
    """The quoted columns that name one window of an aggregate: its bounds and its groups."""
    return [*(quote_snowflake(name) for name in WINDOW_COLUMNS), *group_key(target, contract)]


def group_key(target: Target, contract: Contract) -> list[str]:
    """The quoted columns by which an aggregate groups."""
    return [quote_snowflake(name) for name in find_aggregate(target, contract).group_by]


def is_session(target: Target, contract: Contract) -> bool:
    """Whether the windows of an aggregate are sessions, whose bounds move with their rows."""
    return find_aggregate(target, contract).grid is None


def read_payload(field: PayloadField, contract: EventContract) -> str:
    """The value of a payload's field, for events of the types that have it: others may hold anything at that place.

    A time has an offset in the payload, and none in its column, which is in UTC.
    """
    value = '"PAYLOAD"' + "".join(f"[{quote_literal(step)}]" for step in field.steps)
    if field.type.name == "timestamp":
        value = f"CONVERT_TIMEZONE('UTC', {value}::TIMESTAMP_TZ(6))"
    owners = ", ".join(
        quote_literal(kind.name) for kind in contract.types if field.name in {f.name for f in kind.fields}
    )
    return f'CASE WHEN "TYPE" IN ({owners}) THEN {value}::{field.type.snowflake} END'


def find_aggregate(target: Target, contract: Contract) -> Aggregate:
    """The aggregate whose windows a table holds."""
    return next(a for a in contract.aggregates if target.output.name == f"aggregates/{a.name}")
