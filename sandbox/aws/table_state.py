"""Mirrors moto's DynamoDB tables, item by item, and brings them back; the records of streams are not kept."""

from __future__ import annotations

import base64
import json
import pickle
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import StreamShard, Table

from sandbox.aws.item_requests import WRITES, Touched, list_touched

SCHEMA = """
CREATE TABLE IF NOT EXISTS tables
    (region TEXT NOT NULL, name TEXT NOT NULL, config BLOB NOT NULL, PRIMARY KEY (region, name));
CREATE TABLE IF NOT EXISTS items
    (region TEXT NOT NULL, table_name TEXT NOT NULL, key TEXT NOT NULL, item BLOB NOT NULL,
     PRIMARY KEY (region, table_name, key)) WITHOUT ROWID;
"""
TABLE_CONTENT = frozenset({"items", "stream_shard", "lambda_event_source_mappings"})
TableName = tuple[str, str]


class TableMirror:
    """The tables of one account in the account's own database; what is saved is part of the caller's transaction."""

    def __init__(self, database: sqlite3.Connection, account_id: str) -> None:
        self._database = database
        self._account_id = account_id
        self._known: dict[TableName, bytes] = {}
        database.executescript(SCHEMA)

    def load(self) -> None:
        """Bring everything back into moto's models, which must be empty."""
        for region, name, config in self._database.execute("SELECT region, name, config FROM tables"):
            self._backend(region).tables[name] = _restore_table(self._account_id, config)
            self._known[region, name] = config
        for region, name, item in self._database.execute("SELECT region, table_name, item FROM items"):
            _restore_item(self._backend(region).tables[name], _unpack(item))

    def save(self, region: str, call: str, asked: Mapping[str, Any]) -> None:
        """Save what a call that succeeded has changed: the items that it names, or else what is not known of tables."""
        if call in WRITES:
            self._save_items(region, list_touched(call, asked))
            return
        self.save_tables()
        if call in ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"):
            # Statements of PartiQL name their items in a language of their own.
            for name in self._backend(region).tables:
                self._save_all_items(region, name)

    def save_tables(self) -> None:
        """Save the difference between the tables now and when they were last saved; their items only where they are new."""
        now = {
            (region, name): table
            for region in list(dynamodb_backends[self._account_id])
            for name, table in self._backend(region).tables.items()
        }
        for region, name in self._known.keys() - now.keys():
            self._database.execute("DELETE FROM items WHERE region = ? AND table_name = ?", (region, name))
            self._database.execute("DELETE FROM tables WHERE region = ? AND name = ?", (region, name))
            del self._known[region, name]
        for (region, name), table in now.items():
            config = _pack_table(table)
            is_new = (region, name) not in self._known
            if self._known.get((region, name)) != config:
                self._database.execute("REPLACE INTO tables VALUES (?, ?, ?)", (region, name, config))
                self._known[region, name] = config
            if is_new:
                self._save_all_items(region, name)

    def _save_items(self, region: str, touched: Iterable[Touched]) -> None:
        for name, attributes in touched:
            table = self._backend(region).tables[name]
            keys = [_read_key(attributes[key]) for key in table.table_key_attrs]
            hash_value, *range_values = map(DynamoType, keys)
            item = table.get_item(hash_value, range_values[0] if range_values else None)
            row = (region, name, _write_key(keys))
            if item is None:
                self._database.execute("DELETE FROM items WHERE region = ? AND table_name = ? AND key = ?", row)
            else:
                self._database.execute(
                    "REPLACE INTO items VALUES (?, ?, ?, ?)", (*row, _pack(item.to_json()["Attributes"]))
                )

    def _save_all_items(self, region: str, name: str) -> None:
        table = self._backend(region).tables[name]
        rows = []
        for item in table.all_items():
            attributes = item.to_json()["Attributes"]
            key = _write_key([attributes[key] for key in table.table_key_attrs])
            rows.append((region, name, key, _pack(attributes)))
        self._database.execute("DELETE FROM items WHERE region = ? AND table_name = ?", (region, name))
        self._database.executemany("REPLACE INTO items VALUES (?, ?, ?, ?)", rows)

    def _backend(self, region: str) -> DynamoDBBackend:
        return dynamodb_backends[self._account_id][region]


def _pack_table(table: Table) -> bytes:
    kept = {name: value for name, value in vars(table).items() if name not in TABLE_CONTENT}
    return _pack(kept)


def _restore_table(account_id: str, config: bytes) -> Any:
    # moto's own initialisation would stamp it anew.
    kind: type[Any] = Table
    table = object.__new__(kind)
    vars(table).update(_unpack(config), items=defaultdict(dict), stream_shard=None, lambda_event_source_mappings={})
    if table.stream_specification and table.stream_specification.get("StreamEnabled"):
        table.stream_shard = StreamShard(account_id, table)
    return table


def _restore_item(table: Any, attributes: dict[str, Any]) -> None:
    hash_value, *range_values = (DynamoType(attributes[key]) for key in table.table_key_attrs)
    item = Item(hash_value, range_values[0] if range_values else None, attributes)
    if range_values:
        table.items[hash_value][range_values[0]] = item
    else:
        table.items[hash_value] = item


def _read_key(sent: Mapping[str, Any]) -> dict[str, Any]:
    """A key's value as moto holds it: bytes, which JSON cannot carry, as such."""
    return {kind: base64.b64decode(value) if kind == "B" else value for kind, value in sent.items()}


def _write_key(keys: Iterable[Mapping[str, Any]]) -> str:
    """Text that is the same for equal keys; numbers are equal however they are written."""
    written = []
    for key in keys:
        ((kind, value),) = key.items()
        writers: dict[str, Callable[[Any], str]] = {
            "N": lambda number: str(Decimal(number).normalize()),
            "B": bytes.hex,
        }
        written.append([kind, writers.get(kind, str)(value)])
    return json.dumps(written, ensure_ascii=False)


def _pack(value: object) -> bytes:
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def _unpack(packed: bytes) -> Any:
    return pickle.loads(packed)  # noqa: S301 - from the user's own state folder alone
