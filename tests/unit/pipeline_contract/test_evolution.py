"""What may change between two versions of a contract: a table of every kind of change, and what holds of any chain."""

from __future__ import annotations

import io
from decimal import Context, Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connections.lake_files import arrow_schema, parse_object
from pipeline_contract.column_types import parse_type
from pipeline_contract.contract_file import parse_contract
from pipeline_contract.errors import ContractChanged
from pipeline_contract.evolution import check_evolution, find_changes
from pipeline_contract.evolution_rules import find_rule
from pipeline_contract.model import Column, Contract, Drift
from pipeline_contract.outputs import curated_columns, derive_outputs
from tests.unit.pipeline_contract.contract_builder import build_columns, build_contract
from tests.unit.pipeline_contract.test_contract_command import list_keys

HOURLY: dict[str, Any] = {
    "name": "hourly",
    "window": "1 hour",
    "group_by": ["country"],
    "measures": [{"name": "total", "type": "decimal(20,2)", "expression": "sum(price)"}],
}
LANDS = {"name": "lands", "file": "lands.csv", "on": {"country": "code"}, "columns": [{"name": "land"}]}
TWICE = {"name": "twice", "type": "integer", "expression": "id * 2"}
BASE = {"aggregate": [HOURLY], "lookup": [LANDS], "derived": [TWICE], "rule": [{"name": "r", "expression": "id > 0"}]}
EXACT = Context(prec=40)
CSV_VALUES = {"topic": {"name": "orders", "key": ["id"], "value_format": "csv"}}
DELTA = {"lake": {"format": "delta"}}
JSON_FILES = {"lake": {"format": "json"}}
CSV_FILES = {"lake": {"format": "csv"}}


def build(**changes: Any) -> Contract:
    """A valid contract with some of its keys replaced."""
    contract, problems = parse_contract(build_contract(**BASE | changes))
    assert not problems, problems
    return contract


def alter(name: str, **changes: Any) -> dict[str, Any]:
    """The contract's columns, one of them changed."""
    return {"column": [c | changes if c["name"] == name else c for c in build_columns()]}


def drop(name: str) -> dict[str, Any]:
    """The contract's columns without one, which is passed over from then on."""
    return {"column": [c for c in build_columns() if c["name"] != name], "drift": {"ignored_columns": [name]}}


def add(**column: Any) -> dict[str, Any]:
    """The contract's columns and one more."""
    return {"column": build_columns(column)}


class Case(NamedTuple):
    id: str
    changes: dict[str, Any]
    verdict: str
    says: str = ""
    before: dict[str, Any] | None = None


CASES = (
    Case("description", {"description": "Orders"}, "free"),
    Case("column-description", alter("id", description="The order's number"), "free"),
    Case("target-file-size", {"lake": {"target_file_mb": 64}}, "free"),
    Case("retention", {"topic": {"name": "orders", "key": ["id"], "retention": "3 days"}}, "free"),
    Case("null-values", {"source": {"null_values": ["NA"]}}, "compatible", "source.null_values"),
    Case("nullable-column-added", add(name="note", type="string"), "compatible", "column 'note': added"),
    Case("required-column-added", add(name="note", type="string", nullable=False), "refused", "column 'note'.nullable"),
    Case("column-removed", drop("mail"), "compatible", "column 'mail': removed"),
    Case("column-renamed", {**drop("mail"), "column": [*drop("mail")["column"], {"name": "email", "type": "string"}]},
         "compatible"),
    Case("columns-in-another-order", {"column": build_columns()[::-1]}, "compatible", "another order"),
    Case("source-renamed", alter("country", source="land_code"), "compatible", "'country'.source"),
    Case("decimal-more-digits", alter("price", type="decimal(20,2)"), "new lineage", "reads price"),
    Case("decimal-more-decimals", alter("price", type="decimal(20,4)"), "refused", "allowed: decimal(12 to 38,2)"),
    Case("decimal-fewer-digits", alter("price", type="decimal(10,2)"), "refused", "'price'.type"),
    Case("bigint-to-integer", alter("id", type="integer"), "refused", "allowed: decimal(20 to 38,0)"),
    Case("bigint-to-decimal", alter("id", type="decimal(20,0)"), "compatible", "'id'.type"),
    Case("bigint-to-smaller-decimal", alter("id", type="decimal(19,0)"), "refused", "'id'.type"),
    Case("number-to-text", alter("id", type="string"), "refused", "'id'.type"),
    Case("time-to-day", alter("at", type="date"), "refused", "a timestamp has no wider type"),
    Case("required-to-nullable", alter("id", nullable=True), "compatible", "'id'.nullable"),
    Case("nullable-to-required", alter("country", nullable=False), "refused", "rows that are published already"),
    Case("format", alter("at", format="dd.MM.yyyy"), "refused", "'at'.format"),
    Case("protected", alter("country", protect="drop"), "refused", "'country'.protect",
         before={"aggregate": None, "lookup": None}),
    Case("not-protected", alter("mail", protect=None), "refused", "'mail'.protect"),
    Case("hashed-type", alter("mail", type="bigint"), "compatible", "'mail'.type"),
    Case("lookup-removed", {"lookup": None}, "compatible", "lookup 'lands': removed"),
    Case("lookup-type", {"lookup": [LANDS | {"columns": [{"name": "land", "type": "integer"}]}]}, "refused", "'land'"),
    Case("derived-wider", {"derived": [TWICE | {"type": "bigint"}]}, "compatible", "derived 'twice'.type"),
    Case("derived-narrower", {"derived": [TWICE | {"type": "double"}]}, "refused", "derived 'twice'.type"),
    Case("derived-expression", {"derived": [TWICE | {"expression": "id * 3"}]}, "compatible", "rows from then on"),
    Case("source-column-now-derived", {**drop("mail"), "derived": [TWICE, {"name": "mail", "type": "double",
         "expression": "id * 1.0"}]}, "refused", "derived 'mail'.type"),
    Case("rule-added", {"rule": [{"name": "a", "expression": "id > 1"}]}, "compatible", "rule 'a'"),
    Case("dedupe", {"dedupe": {"key": ["id"]}}, "compatible", "dedupe"),
    Case("watermark", {"event_time": {"column": "at", "watermark": "2 days"}}, "new lineage", "event_time.watermark"),
    Case("event-time", {"event_time": {"column": "on"}}, "refused", "event_time.column",
         before=add(name="on", type="date", nullable=False)),
    Case("topic", {"topic": {"name": "others", "key": ["id"]}}, "refused", "topic.name"),
    Case("key", {"topic": {"name": "orders", "key": ["country"]}}, "refused", "topic.key"),
    Case("partitions", {"topic": {"name": "orders", "key": ["id"], "partitions": 8}}, "refused", "topic.partitions"),
    Case("values", CSV_VALUES, "refused", "topic.value_format"),
    Case("csv-values-more-columns", add(name="note", type="string"), "refused", "by position", before=CSV_VALUES),
    Case("csv-values-wider", alter("id", type="decimal(20,0)"), "compatible", "'id'.type", before=CSV_VALUES),
    Case("json-lines-more-columns", add(name="note", type="string"), "compatible", "added", before=JSON_FILES),
    Case("json-lines-decimal", alter("id", type="decimal(20,0)"), "refused", "as text", before=JSON_FILES),
    Case("delta-more-columns", add(name="note", type="string"), "compatible", "added", before=DELTA),
    Case("delta-wider", alter("id", type="decimal(20,0)"), "refused", "was made with", before=DELTA),
    Case("csv-files-fewer-columns", drop("mail"), "refused", "by position", before=CSV_FILES),
    Case("lake-format", CSV_FILES, "refused", "lake.format"),
    Case("partition-by", {"lake": {"partition_by": {"where": "country"}}}, "refused", "lake.partition_by"),
    Case("aggregate-added", {"aggregate": [HOURLY, HOURLY | {"name": "h2"}]}, "compatible", "aggregate 'h2': added"),
    Case("aggregate-removed", {"aggregate": None}, "compatible", "aggregate 'hourly': removed"),
    Case("window", {"aggregate": [HOURLY | {"window": "2 hours"}]}, "refused", "another name"),
    Case("groups", {"aggregate": [HOURLY | {"group_by": []}]}, "refused", "another name"),
    Case("measure", {"aggregate": [HOURLY | {"measures": [{"name": "n", "type": "bigint", "expression": "count(*)"}]}]},
         "new lineage", "aggregate 'hourly'.measures"),
    Case("measure-type", {"aggregate": [HOURLY | {"measures": [HOURLY["measures"][0] | {"type": "double"}]}]},
         "refused", "aggregate 'hourly', column 'total'.type"),
    Case("table", {"warehouse": {"schema": "ORDERS", "table": "orders2"}}, "refused", "warehouse.table"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_kind_of_change(case: Case) -> None:
    before = case.before or {}
    older, newer = build(**before), build(**before | case.changes | {"version": 2})

    changes = [change for change in find_changes([older], newer) if change.key != "version"]

    order = ("free", "compatible", "new lineage", "refused")
    assert max((change.verdict for change in changes), key=order.index) == case.verdict, list(map(str, changes))
    assert case.says in "\n".join(map(str, changes))
    if case.verdict == "refused":
        with pytest.raises(ContractChanged, match="Make a new table of it"):
            check_evolution([older], newer)
    else:
        assert check_evolution([older], newer)


def test_a_change_that_readers_notice_needs_a_higher_version_and_a_free_one_does_not() -> None:
    wider = alter("id", type="decimal(20,0)")

    assert [c.key for c in check_evolution([build()], build(description="Orders"))] == ["description"]
    with pytest.raises(ContractChanged, match=r"column 'id'\.type.*\nWrite version = 2; then migrate"):
        check_evolution([build()], build(**wider))
    with pytest.raises(ContractChanged, match="version = 2, but it has run with version 3"):
        check_evolution([build(), build(version=3)], build(version=2))


def test_a_column_that_comes_back_is_held_against_its_old_files() -> None:
    history = [build(), build(version=2, **drop("price"), aggregate=None)]
    again = build(version=3, **alter("price", type="string"), aggregate=None)
    wider = build(version=3, **alter("price", type="decimal(20,2)"), aggregate=None)

    with pytest.raises(ContractChanged, match=r"column 'price'\.type: string, was decimal\(12,2\)"):
        check_evolution(history, again)
    assert check_evolution(history, wider)


def test_a_column_that_goes_is_passed_over_from_then_on() -> None:
    without = drop("price") | {"aggregate": None}
    unsaid = without | {"drift": {}}

    with pytest.raises(ContractChanged, match=r'knew \'price\', and.*ignored_columns = \["price"\] under'):
        check_evolution([build()], build(version=2, **unsaid))
    assert check_evolution([build()], build(version=2, **without))
    with pytest.raises(ContractChanged, match=r'ignored_columns = \["price"\]'):
        check_evolution([build(), build(version=2, **without)], build(version=3, **unsaid))
    open_mail = {"column": [c | {"protect": None} for c in build_columns()]}
    left = {"column": [c for c in open_mail["column"] if c["name"] != "price"], "drift": {"unknown_columns": "add"}}
    assert check_evolution([build(**open_mail)], build(version=2, aggregate=None, **left))


@pytest.mark.parametrize(
    ("was", "now", "verdict"),
    [
        ("clear", "encrypted", "compatible"),
        ("clear", "off", "compatible"),
        ("encrypted", "off", "compatible"),
        ("encrypted", "clear", "refused"),
        ("off", "clear", "refused"),
        ("off", "encrypted", "refused"),
    ],
)
def test_less_may_be_kept_of_messages_and_never_more(was: str, now: str, verdict: str) -> None:
    before, after = build(raw={"zone": was}), build(version=2, raw={"zone": now})

    [change] = [change for change in find_changes([before], after) if change.key == "raw.zone"]

    assert (change.verdict, bool(change.reason)) == (verdict, True)


def test_every_key_of_a_contract_has_a_rule() -> None:
    named = {"column.name", "lookup.name", "derived.name", "rule.name", "aggregate.name"}
    undecided = [key for key, _ in list_keys(Contract) if key not in named and not has_rule(key)]
    assert undecided == []


def has_rule(key: str) -> bool:
    try:
        return bool(find_rule(key))
    except KeyError:
        return False


TYPES = ("string", "integer", "bigint", "double", "boolean", "date", "timestamp", "decimal(10,0)", "decimal(20,0)",
         "decimal(38,0)", "decimal(12,2)", "decimal(38,2)")  # fmt: skip
VALUES = {"string": "é", "double": 0.1, "boolean": True}


ORDERS = build()


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    """The base contract with any optional columns of any types."""
    chosen = draw(st.dictionaries(st.sampled_from("abc"), st.sampled_from(TYPES)))
    more = tuple(Column(name=name, type=parse_type(kind)) for name, kind in chosen.items())
    gone = tuple(name for name in "abc" if name not in chosen)
    return ORDERS.model_copy(update={"columns": (*ORDERS.columns, *more), "drift": Drift(ignored_columns=gone)})


@settings(max_examples=40)
@given(st.lists(contracts(), min_size=1, max_size=6))
def test_whatever_was_accepted_one_after_another_reads_every_older_file(candidates: list[Contract]) -> None:
    history: list[Contract] = []
    for candidate in candidates:
        today = candidate.model_copy(update={"version": len(history) + 1})
        assert find_changes([today], today) == []
        try:
            check_evolution(history, today)
        except ContractChanged:
            continue
        history.append(today)

    newest = history[-1]
    for older in history:
        assert not [c for c in find_changes([older], newest) if c.verdict == "refused"]
        rows = parse_object(write_file(older), derive_outputs(newest)[1])
        assert rows.schema == arrow_schema(derive_outputs(newest)[1].columns)
        for name in curated_columns(newest):
            expected = value_of(older, name) if name in curated_columns(older) else None
            assert rows[name][0].as_py() == expected


def value_of(contract: Contract, name: str) -> Any:
    """The largest value of a number's type, or some value of another."""
    kind = curated_columns(contract)[name]
    match kind.name:
        case "integer" | "bigint":
            return 2**31 - 1 if kind.name == "integer" else 2**63 - 1
        case "decimal":
            digits = Decimal(10**kind.precision - 1) if kind.precision else Decimal(0)
            return digits.scaleb(-(kind.scale or 0), context=EXACT)
        case _:
            return VALUES.get(kind.name)


def write_file(contract: Contract) -> bytes:
    """A curated Parquet file of one row, as this contract's job would have written it."""
    output = derive_outputs(contract)[1]
    row = {name: value_of(contract, name) if name in curated_columns(contract) else None for name in output.columns}
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row], schema=arrow_schema(output.columns)), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", TYPES)
def test_a_type_does_not_widen_to_itself(kind: str) -> None:
    assert not parse_type(kind).widens_to(parse_type(kind))
