"""Broken contracts and the exact words with which they are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline_contract.contract_file import find_contract, load_contract, parse_contract
from pipeline_contract.errors import ConfigurationError, ContractError
from tests.unit.pipeline_contract.contract_builder import build_columns, build_contract

TYPES = "string, integer, bigint, double, decimal(p,s), boolean, date, timestamp"
NAMES = "lower-case letters, digits and _, beginning with a letter"
DURATIONS = 'a whole number and a unit, such as "90 seconds", "5 minutes", "1 hour" or "2 days"'
COLUMNS = "id, at, price, mail, country"
SORTED_COLUMNS = "at, country, id, mail, price"
ADD_BESIDE_MAIL = (
    "drift.unknown_columns: found 'add' beside 'mail', which is protected; a field of another name may be as personal, and "
    "would be published as it is; allowed: 'reject', 'fail'"
)


class Case(NamedTuple):
    id: str
    changes: dict[str, Any]
    problems: list[str]


def topic(**changes: Any) -> dict[str, Any]:
    return {"topic": {"name": "orders", "key": ["id"]} | changes}


def column(**changes: Any) -> dict[str, Any]:
    return {"column": build_columns({"name": "extra", "type": "string"} | changes)}


def rule(expression: Any) -> dict[str, Any]:
    return {"rule": [{"name": "r", "expression": expression}]}


def derived(expression: str) -> dict[str, Any]:
    return {"derived": [{"name": "d", "type": "string", "expression": expression}]}


def measure(expression: str) -> dict[str, Any]:
    return aggregate(measures=[{"name": "m", "type": "double", "expression": expression}])


def aggregate(**changes: Any) -> dict[str, Any]:
    count = {"name": "n", "type": "bigint", "expression": "count(*)"}
    return {"aggregate": [{"name": "hourly", "window": "1 hour", "measures": [count]} | changes]}


def lookup(**changes: Any) -> dict[str, Any]:
    whole = {"name": "l", "file": "data/l.csv", "on": {"country": "code"}, "columns": [{"name": "land"}]}
    return {"lookup": [whole | changes]}


VALUES = [
    Case("name_missing", {"name": None}, ["name: missing; it is required"]),
    Case("name_upper", {"name": "Orders"}, [f"name: found 'Orders', allowed: {NAMES}"]),
    Case("name_number", {"name": 5}, ["name: found 5, allowed: text in quotes"]),
    Case("version_text", {"version": "1"}, ["version: found '1', allowed: a whole number, without quotes"]),
    Case("version_zero", {"version": 0}, ["version: found 0, allowed: a whole number, at least 1"]),
    Case("version_half", {"version": 1.5}, ["version: found 1.5, allowed: a whole number, without quotes"]),
    Case("version_true", {"version": True}, ["version: found True, allowed: a whole number, without quotes"]),
    Case("unknown_key", {"colum": []}, ["colum: unknown key, did you mean 'column'?"]),
    Case("python_name", {"rules": []}, ["rules: unknown key, did you mean 'rule'?"]),
    Case(
        "unknown_in_part",
        topic(xyz=1),
        ["topic.xyz: unknown key; allowed: key, max_message_bytes, name, partitions, retention, value_format"],
    ),
    Case(
        "unknown_deep",
        {"source": {"csv": {"delimeter": ";"}}},
        ["source.csv.delimeter: unknown key, did you mean 'delimiter'?"],
    ),
    Case(
        "python_alias",
        lookup(columns=[{"name": "land", "source": "x"}]),
        ["lookup 'l'.columns[1].source: unknown key; allowed: from, name, type"],
    ),
    Case(
        "schema_attribute",
        {"warehouse": {"schema_": "A", "table": "t"}},
        ["warehouse.schema: missing; it is required", "warehouse.schema_: unknown key, did you mean 'schema'?"],
    ),
    Case("source_format", {"source": {"format": "tsv"}}, ["source.format: found 'tsv', allowed: 'csv', 'jsonl'"]),
    Case("null_values", {"source": {"null_values": "NA"}}, ["source.null_values: found 'NA', allowed: a list in [ ]"]),
    Case(
        "delimiter",
        {"source": {"csv": {"delimiter": "||"}}},
        ["source.csv.delimiter: found '||', allowed: at most 1 character(s)"],
    ),
    Case(
        "delimiter_empty",
        {"source": {"csv": {"delimiter": ""}}},
        ["source.csv.delimiter: found '', allowed: at least 1 character(s)"],
    ),
    Case("part_is_text", {"topic": "orders"}, ["topic: found 'orders', allowed: a table of keys and values"]),
    Case("list_is_text", {"column": "id"}, ["column: found 'id', allowed: a list in [ ]"]),
    Case("lookups_is_number", {"lookup": 5}, ["lookup: found 5, allowed: a list in [ ]"]),
    Case("topic_missing", {"topic": None}, ["topic: missing; it is required"]),
    Case(
        "topic_name",
        topic(name="my topic"),
        ["topic.name: found 'my topic', allowed: letters, digits, '.', '_' and '-', not beginning with a dot"],
    ),
    Case(
        "partitions_text",
        topic(partitions="4"),
        ["topic.partitions: found '4', allowed: a whole number, without quotes"],
    ),
    Case(
        "partitions_many",
        topic(partitions=20_000),
        ["topic.partitions: found 20000, allowed: a whole number, at most 10000"],
    ),
    Case(
        "retention", topic(retention="7 fortnights"), [f"topic.retention: found '7 fortnights', allowed: {DURATIONS}"]
    ),
    Case("retention_zero", topic(retention="0 days"), [f"topic.retention: found '0 days', allowed: {DURATIONS}"]),
    Case("retention_number", topic(retention=7), [f"topic.retention: found 7, allowed: {DURATIONS}"]),
    Case(
        "value_format", topic(value_format="xml"), ["topic.value_format: found 'xml', allowed: 'json', 'csv', 'avro'"]
    ),
    Case("key_empty", topic(key=[]), ["topic.key: found [], allowed: at least 1 of them"]),
    Case("type", column(type="int"), [f"column 'extra'.type: found 'int', allowed: {TYPES}"]),
    Case("type_binary", column(type="binary"), [f"column 'extra'.type: found 'binary', allowed: {TYPES}"]),
    Case(
        "type_decimal",
        column(type="decimal(40,2)"),
        [
            "column 'extra'.type: found 'decimal(40,2)', a decimal has 1 to 38 digits, of which at most all are "
            f"decimals; allowed: {TYPES}"
        ],
    ),
    Case(
        "nullable_text",
        column(nullable="no"),
        ["column 'extra'.nullable: found 'no', allowed: true or false, without quotes"],
    ),
    Case("column_name", column(name="Ex"), [f"column 'Ex'.name: found 'Ex', allowed: {NAMES}"]),
    Case("column_nameless", {"column": build_columns({"type": "string"})}, ["column[6].name: missing; it is required"]),
    Case(
        "column_scalar",
        {"column": [*build_columns(), 7]},
        ["column[6]: found 7, allowed: a table of keys and values"],
    ),
    Case("protect", column(protect="hide"), ["column 'extra'.protect: found 'hide', allowed: 'hash', 'mask', 'drop'"]),
    Case(
        "measures_nothing_else",
        aggregate(measures=[{"name": "n"}]),
        [
            "aggregate 'hourly'.measures[1].type: missing; it is required",
            "aggregate 'hourly'.measures[1].expression: missing; it is required",
        ],
    ),
    Case(
        "warehouse_name",
        {"warehouse": {"schema": "a-b", "table": "t"}},
        ["warehouse.schema: found 'a-b', allowed: letters, digits and _, not beginning with a digit"],
    ),
    Case(
        "long_value_is_cut",
        {"version": "x" * 200},
        [f"version: found '{'x' * 56}..., allowed: a whole number, without quotes"],
    ),
]
RELATIONS = [
    Case("column_twice", column(name="price"), [
        "column 'price': declared 2 times; every column, looked up or derived too, needs its own name",
    ]),
    Case("lookup_hides_column", lookup(columns=[{"name": "price"}]), [
        "column 'price': declared 2 times; every column, looked up or derived too, needs its own name"
    ]),
    Case("header_twice", column(source="price"), [
        "column.source: 'price' is read by 2 columns; a column of the source may be read once"
    ]),
    Case("rule_twice", {"rule": [{"name": "r", "expression": "price > 0"}] * 2}, [
        "rule 'r': declared 2 times; every rule needs its own name"
    ]),
    Case("csv_signs", {"source": {"csv": {"delimiter": '"'}}}, [
        "source.csv: '\"' stands for 2 of delimiter, quote and escape; they must differ"
    ]),
    Case("csv_newline", {"source": {"csv": {"delimiter": "\n"}}}, [
        "source.csv.delimiter: found '\\n', allowed: one character that does not end a line"
    ]),
    Case("format", column(format="dd.MM.yyyy"), [
        "column 'extra'.format: found 'dd.MM.yyyy' for type string, allowed: for date, timestamp"
    ]),
    Case("mask", column(type="integer", protect="mask"), [
        "column 'extra'.protect: found 'mask' for type integer, allowed: 'hash', 'drop' (a mask needs text)"
    ]),
    Case("all_dropped", {"event_time": None, "column": [{"name": "id", "type": "bigint", "protect": "drop"}]}, [
        "column: every column has protect = 'drop', so nothing of a row would be left"
    ]),
    Case("key_unknown", topic(key=["idd"]), [f"topic.key: unknown column 'idd'; known: {COLUMNS}"]),
    Case("key_twice", topic(key=["id", "id"]), ["topic.key: 'id' stands 2 times; once is enough"]),
    Case("key_derived", topic(key=["d"]) | derived("country"), [
        f"topic.key: 'd' is not a column of the source; the producer knows only those: {COLUMNS}"
    ]),
    Case("dedupe_unknown", {"dedupe": {"key": ["id", "x"]}}, [f"dedupe.key: unknown column 'x'; known: {COLUMNS}"]),
    Case("dedupe_over_partitions", {"dedupe": {"key": ["at", "country"]}}, [
        "dedupe.key: lacks 'id' of topic.key; rows of one key must share a partition, to have an order"
    ]),
    Case("dedupe_masked", {"dedupe": {"key": ["id", "extra"]}} | column(protect="mask"), [
        "dedupe.key: 'extra' has protect = 'mask'; rows are compared as they are published, allowed: 'hash', or none"
    ]),
    Case("dedupe_dropped", {"dedupe": {"key": ["id", "extra"]}} | column(protect="drop"), [
        "dedupe.key: 'extra' has protect = 'drop'; rows are compared as they are published, allowed: 'hash', or none"
    ]),
    Case("drift_policy", {"drift": {"missing_columns": "drop"}}, [
        "drift.missing_columns: found 'drop', allowed: 'add', 'reject', 'fail'"
    ]),
    Case("drift_of_csv", topic(value_format="csv") | {"drift": {"unknown_columns": "add"}}, [
        "drift.unknown_columns: found 'add' for CSV values, which have no names; allowed: 'reject', 'fail'",
        ADD_BESIDE_MAIL,
    ]),
    Case("drift_beside_protected", {"drift": {"unknown_columns": "add"}}, [ADD_BESIDE_MAIL]),
    Case("raw_zone", {"raw": {"zone": "hidden"}}, ["raw.zone: found 'hidden', allowed: 'clear', 'encrypted', 'off'"]),
    Case("event_time_unknown", {"event_time": {"column": "when"}}, [
        f"event_time.column: 'when' is not a column of the source; known: {COLUMNS}"
    ]),
    Case("event_time_type", {"event_time": {"column": "id"}}, [
        "event_time.column: 'id' is of type bigint, allowed: timestamp, date"
    ]),
    Case("event_time_null", {"event_time": {"column": "extra"}} | column(type="date"), [
        "event_time.column: 'extra' may be null; allowed: a column with nullable = false"
    ]),
    Case("event_time_protected",
         {"event_time": {"column": "extra"}} | column(type="date", nullable=False, protect="hash"),
         ["event_time.column: 'extra' is protected; every row's passport would give it away"]),
    Case("lookup_on", lookup(on={"land": "code"}), [
        f"lookup 'l'.on: 'land' is no column of the source or of a lookup before; known: {COLUMNS}"
    ]),
    Case("lookup_protected", lookup(on={"mail": "code"}), [
        "lookup 'l'.on: 'mail' is protected; what it looks up would give it away"
    ]),
    Case("broken_column_is_known", column(type="int") | rule("extra = 'x'"), [
        f"column 'extra'.type: found 'int', allowed: {TYPES}"
    ]),
    Case("rule_unknown", rule("pric > 0"), ["rule 'r'.expression: unknown column 'pric', did you mean 'price'?"]),
    Case("rule_constant", rule("true"), ["rule 'r'.expression: reads no column, so it says the same of every row"]),
    Case("rule_value", rule("price + 1"), [
        "rule 'r'.expression: is a value, where a condition is wanted, such as distance > 0"
    ]),
    Case("rule_broken", rule("price >"), [
        "rule 'r'.expression: not a Spark SQL expression: breaks at character 7, near '>'"
    ]),
    Case("rule_clock", rule("at < now()"), [
        "rule 'r'.expression: now() is not deterministic: computed twice, it would give two answers"
    ]),
    Case("derived_later", {"derived": [
        {"name": "first", "type": "string", "expression": "second"},
        {"name": "second", "type": "string", "expression": "country"},
    ]}, [f"derived 'first'.expression: unknown column 'second'; known: {SORTED_COLUMNS}"]),
    Case("derived_leak", derived("substring(mail, 1, 3)"), [
        "derived 'd'.expression: reads 'mail', which is protected; the result would give it away"
    ]),
    Case("partition_leak", {"lake": {"partition_by": {"m": "mail"}}}, [
        "lake.partition_by.m: reads 'mail', which is protected; the result would give it away"
    ]),
    Case("partition_is_column", {"lake": {"partition_by": {"country": "upper(country)"}}}, [
        "lake.partition_by.country: is a column already; a partition's name must differ, "
        "as both would stand in one table"
    ]),
    Case("aggregate_timeless", aggregate() | {"event_time": None}, [
        "aggregate: needs [event_time], to know the window of a row"
    ]),
    Case("aggregate_event_time_broken", aggregate() | {"event_time": {"column": 1}}, [
        "event_time.column: found 1, allowed: text in quotes"
    ]),
    Case("window_missing", aggregate(window=None), [
        "aggregate 'hourly'.window: found neither of window and gap, allowed: one of them (gap makes sessions)"
    ]),
    Case("window_and_gap", aggregate(gap="5 minutes"), [
        "aggregate 'hourly'.window: found both of window and gap, allowed: one of them (gap makes sessions)"
    ]),
    Case("slide_too_long", aggregate(slide="2 hours"), [
        "aggregate 'hourly'.slide: found 2:00:00, allowed: beside a window, and not longer than it"
    ]),
    Case("slide_of_sessions", aggregate(window=None, gap="5 minutes", group_by=["country"], slide="1 minute"), [
        "aggregate 'hourly'.slide: found 0:01:00, allowed: beside a window, and not longer than it"
    ]),
    Case("sessions_over_all_rows", aggregate(window=None, gap="5 minutes"), [
        "aggregate 'hourly'.gap: sessions need a group_by; Spark keeps none over all rows of a stream"
    ]),
    Case("group_unknown", aggregate(group_by=["land"]), [
        f"aggregate 'hourly'.group_by: unknown column 'land'; known: {SORTED_COLUMNS}"
    ]),
    Case("group_protected", aggregate(group_by=["mail"]), [
        "aggregate 'hourly'.group_by: 'mail' is protected; a group would give it away"
    ]),
    Case("group_is_measure", aggregate(group_by=["country"], measures=[
        {"name": "country", "type": "bigint", "expression": "count(*)"}
    ]), [
        "aggregate 'hourly': 'country' is the name of 2 columns; groups, measures, window_start and window_end differ"
    ]),
    Case("measure_leak", measure("max(mail)"), [
        "aggregate 'hourly'.measure 'm': reads 'mail', which is protected; the result would give it away"
    ]),
    Case("measure_plain", measure("price"), [
        "aggregate 'hourly'.measure 'm': a measure must aggregate, such as count(*) or avg(delay)"
    ]),
    Case("table_twice", aggregate(name="raw"), [
        "aggregate: ORDERS_RAW would name 2 tables or views of the warehouse; choose other names"
    ]),
]  # fmt: skip


@pytest.mark.parametrize("case", VALUES + RELATIONS, ids=lambda case: case.id)
def test_a_broken_contract_is_refused_in_these_words(case: Case) -> None:
    _, problems = parse_contract(build_contract(**case.changes))

    assert problems == case.problems


def test_the_contract_that_the_cases_change_is_valid() -> None:
    contract, problems = parse_contract(build_contract())

    assert problems == []
    assert contract.headers == ("id", "at", "price", "mail", "country")


def test_all_problems_of_a_file_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "orders.toml"
    path.write_text('name = "order"\nversion = "1"\n[[column]]\nname = "a"\ntype = "int"\n')

    with pytest.raises(ContractError) as caught:
        load_contract(path)

    assert str(caught.value).splitlines() == [
        f"{path}: 5 problem(s) in this contract:",
        "  - version: found '1', allowed: a whole number, without quotes",
        "  - topic: missing; it is required",
        f"  - column 'a'.type: found 'int', allowed: {TYPES}",
        "  - warehouse: missing; it is required",
        "  - name: found 'order', allowed: 'orders', the name of the file",
    ]


class BrokenFile(NamedTuple):
    id: str
    content: bytes
    problem: str


@pytest.mark.parametrize(
    "case",
    [
        BrokenFile("no_value", b'name = "x"\nversion =\n', "not valid TOML: Invalid value (at line 2, column 10)"),
        BrokenFile("twice", b"a = 1\na = 2\n", "not valid TOML: Cannot overwrite a value (at line 2, column 6)"),
        BrokenFile("open_text", b'name = "x\n', "not valid TOML: Illegal character '\\n' (at line 1, column 10)"),
        BrokenFile("latin_1", b'name = "\xe9"', "not UTF-8: byte 9 cannot be read"),
    ],
    ids=lambda case: case.id,
)
def test_a_file_that_is_not_toml_is_named_with_the_place(case: BrokenFile, tmp_path: Path) -> None:
    path = tmp_path / "orders.toml"
    path.write_bytes(case.content)

    with pytest.raises(ContractError) as caught:
        load_contract(path)

    assert caught.value.problems == [case.problem]
    assert str(path) in str(caught.value)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "readings.toml"
    path.write_bytes(b"\xef\xbb\xbf" + Path("conf/pipelines/readings.toml").read_bytes())

    assert load_contract(path).name == "readings"


def test_an_unknown_pipeline_names_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no pipeline 'fligths': .*fligths.toml does not exist \(known: flights"
    ):
        find_contract("fligths")


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none.toml: cannot be read: No such file or directory"):
        load_contract(tmp_path / "none.toml")
