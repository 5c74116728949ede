"""A pipeline of a test's own on the session's sandbox: contract, topics, tables, rows to send."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from rich.console import Console

from connections.settings import ConsumerSettings, Settings
from connections.warehouse import open_warehouse, run_query
from kafka_producer.pacing import FullSpeed
from kafka_producer.session import ReplayOptions, replay_source
from pipeline_contract.contract_file import load_contract
from pipeline_contract.ddl import way_table_name
from pipeline_contract.model import Contract
from pipeline_contract.ways import TableWay, derive_way_tables
from snowflake_integration.plan import split_script
from snowflake_integration.rendering import render_scripts

CONTRACT = """
name = "{name}"
version = 1

[topic]
name = "{name}"
partitions = 2
key = ["id"]

[event_time]
column = "at"

[warehouse]
schema = "{name}"
table = "events"

[[column]]
name = "id"
type = "bigint"
nullable = false

[[column]]
name = "at"
type = "timestamp"
nullable = false

[[column]]
name = "price"
type = "decimal(10,2)"

[[column]]
name = "kind"
type = "string"

[[rule]]
name = "known_kind"
expression = "kind in ('a', 'b')"
"""


@dataclass(frozen=True)
class Pipeline:
    """One pipeline of a test; every `poison`th row is refused."""

    folder: Path
    name: str
    settings: Settings

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.toml"

    @property
    def contract(self) -> Contract:
        return load_contract(self.path)

    @property
    def topics(self) -> tuple[str, str]:
        return self.contract.topic.name, self.contract.topic.rejected

    def deploy(self) -> None:
        """Run the scripts that make the schema and the tables."""
        statements = [
            statement
            for script in render_scripts(self.contract, self.settings)
            if script.number in ("02", "05")
            for statement in split_script(script)
        ]
        with closing(open_warehouse(self.settings.warehouse)) as connection:
            for statement in statements:
                run_query(connection, statement)

    def replay(self, first: int, count: int, poison: int = 10) -> None:
        """Send so many rows with ids from `first` on."""
        path = self.folder / f"rows-{first}-{count}.csv"
        lines = (
            f"{n},2024-01-01 00:{n // 60 % 60:02d}:{n % 60:02d},{n}.5,{'x' if n % poison == 0 else 'ab'[n % 2]}\n"
            for n in range(first, first + count)
        )
        path.write_text("id,at,price,kind\n" + "".join(lines))
        options = ReplayOptions("confluent", None, 5.0)
        replay_source(
            self.settings.kafka, self.contract, str(path), FullSpeed(), None, options, Event(), Console(quiet=True)
        )

    def read_table(self, way: TableWay, kind: str, columns: str) -> list[dict[str, Any]]:
        """Rows of a table of a way."""
        table = getattr(derive_way_tables(self.contract, way), kind)
        with closing(open_warehouse(self.settings.warehouse)) as connection:
            return run_query(connection, f"SELECT {columns} FROM {way_table_name(table)}")

    def count_ids(self, way: TableWay) -> Counter[int]:
        """How often each id is in the curated table."""
        return Counter(row["ID"] for row in self.read_table(way, "curated", '"ID"'))

    def count_reasons(self, way: TableWay) -> Counter[str]:
        """How many rejected rows give each reason."""
        return Counter(row["REASON"] for row in self.read_table(way, "rejected", '"REASON"'))


def make_pipeline(folder: Path, name: str, settings: Settings) -> Pipeline:
    """A pipeline whose contract's file lies in the folder; nothing is deployed."""
    pipeline = Pipeline(folder, name, settings)
    pipeline.path.write_text(CONTRACT.format(name=name))
    return pipeline


def deploy_pipeline(folder: Path, name: str, settings: Settings) -> Pipeline:
    """A pipeline with tables and empty topics, whose group soon misses a dead consumer."""
    pipeline = make_pipeline(
        folder, name, settings.model_copy(update={"consumer": ConsumerSettings(session_timeout_s=2)})
    )
    pipeline.deploy()
    pipeline.replay(0, 0)
    return pipeline


def good_ids(first: int, count: int, poison: int = 10) -> Counter[int]:
    """The ids that are curated, each once."""
    return Counter(n for n in range(first, first + count) if n % poison)
