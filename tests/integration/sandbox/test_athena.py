"""The emulated Athena: SQL of its dialect over real objects, partitions pruned before anything is read, limits enforced."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.integration.sandbox.athena_lab import LIMIT_BYTES, AthenaLab

MONTHS = ("2013-01", "2013-02", "2013-03")
FLIGHTS = pa.table(
    {
        "carrier": ["AA", "AA", "UA", None],
        "distance": pa.array([100, 201, 300, 400], pa.int32()),
        "delay": pa.array([-1.5, None, 12.0, 1e9]),
        "at": pa.array([dt.datetime.fromisoformat("2013-01-01 05:30:15.123456")] * 4, pa.timestamp("us")),
    }
)


@pytest.fixture
def flights(athena: AthenaLab) -> AthenaLab:
    """The table `flights` of three months, four rows each."""
    for month in MONTHS:
        athena.put_rows(f"flights/month={month}/a.parquet", FLIGHTS)
    athena.create_crawler("flights")
    athena.crawl()
    return athena


class Case(NamedTuple):
    name: str
    sql: str
    rows: list[list[str | None]]


SQL = [
    Case("count and partition", "select count(*) from flights where month = '2013-02'", [["4"]]),
    Case("nulls", "select count(carrier), count(delay) from flights where month = '2013-01'", [["3", "3"]]),
    Case("division of whole numbers", "select 7/2, -7/2, 7.0/2, 7 % 3", [["3", "-3", "3.5", "1"]]),
    Case(
        "division of columns", "select max(distance / 2) from flights", [["200"]]
    ),
    Case("approx_distinct", "select approx_distinct(carrier) from flights", [["2"]]),
    Case("count_if", "select count_if(delay > 0) from flights", [["6"]]),
    Case("filter", "select count(*) filter (where carrier = 'UA') from flights", [["3"]]),
    Case("max_by", "select max_by(carrier, distance) from flights where carrier is not null", [["UA"]]),
    Case("date_trunc", "select distinct date_trunc('hour', at) from flights", [["2013-01-01 05:00:00.000"]]),
    Case("milliseconds", "select max(at) from flights", [["2013-01-01 05:30:15.123"]]),
    Case("date_format", "select distinct date_format(at, '%Y-%m') from flights", [["2013-01"]]),
    Case("parts of a time", "select distinct year(at), day_of_week(at), hour(at) from flights", [["2013", "2", "5"]]),
    Case("date_diff", "select date_diff('day', date '2013-01-01', date '2013-02-01')", [["31"]]),
    Case("date_add", "select date_add('month', 1, date '2013-01-31')", [["2013-02-28 00:00:00.000"]]),
    Case("if and coalesce", "select if(1 > 2, 'a', 'b'), coalesce(null, 3), nullif(1, 1)", [["b", "3", None]]),
    Case("casts", "select cast('12' as bigint), try_cast('x' as integer), cast(1 as varchar)", [["12", None, "1"]]),
    Case("texts", "select lower('A') || upper('b'), split_part('a-b', '-', 2), strpos('abc', 'c')", [["aB", "b", "3"]]),
    Case("regexp_like", "select count(*) from flights where regexp_like(carrier, '^U')", [["3"]]),
    Case("doubles", "select 1e0, 1e7, 12345678e0, 0.0005e0", [["1.0", "1.0E7", "1.2345678E7", "5.0E-4"]]),
    Case("truth", "select true, 1 = 2", [["true", "false"]]),
    Case("arrays", "select array_agg(carrier) from flights where month = '2013-01' and distance < 250", [["[AA, AA]"]]),
    Case("unnest", "select x from unnest(array[1, 2]) as t(x)", [["1"], ["2"]]),
    Case(
        "with and window",
        "with a as (select carrier, distance from flights where month = '2013-01') "
        "select carrier, row_number() over (order by distance desc) n from a order by n limit 2",
        [[None, "1"], ["UA", "2"]],
    ),
    Case(
        "join",
        "select count(*) from flights a join flights b on a.carrier = b.carrier "
        "where a.month = '2013-01' and b.month = '2013-02'",
        [["5"]],
    ),
    Case("union", "select 1 union all select 2 order by 1 desc", [["2"], ["1"]]),
    Case("qualified", 'select count(*) from "awsdatacatalog"."{database}"."flights"', [["12"]]),
    Case("case of names", "SELECT COUNT(Carrier) FROM FLIGHTS", [["9"]]),
]  # fmt: skip


def test_statements_answer_as_athenas_do(flights: AthenaLab) -> None:
    answers = {case.name: flights.ask(case.sql.replace("{database}", flights.name)) for case in SQL}

    assert answers == {case.name: case.rows for case in SQL}


def test_columns_have_athenas_names_and_types(flights: AthenaLab) -> None:
    execution = flights.run("select carrier, sum(distance), avg(delay) as mean, max(at) from flights group by carrier")
    answer = flights.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])

    columns = answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [(column["Name"], column["Type"]) for column in columns] == [
        ("carrier", "varchar"),
        ("_col1", "bigint"),
        ("mean", "double"),
        ("_col3", "timestamp"),
    ]


def test_the_bytes_are_those_of_the_column_chunks_of_the_partitions_that_are_left(flights: AthenaLab) -> None:
    def measure(sql: str) -> int:
        return int(flights.run(sql)["Statistics"]["DataScannedInBytes"])

    body = flights.s3.get_object(Bucket=flights.name, Key="lake/flights/month=2013-01/a.parquet")["Body"].read()
    group = pq.ParquetFile(pa.BufferReader(body)).metadata.row_group(0)
    chunks = {group.column(n).path_in_schema: group.column(n).total_compressed_size for n in range(4)}

    assert measure("select sum(distance) from flights") == 3 * chunks["distance"]
    assert measure("select sum(distance) from flights where month = '2013-01'") == chunks["distance"]
    assert measure("select sum(distance) from flights where month > '2013-01' and carrier = 'AA'") == 2 * (
        chunks["distance"] + chunks["carrier"]
    )
    assert measure("select * from flights where month like '2012%'") == 0
    assert (
        measure("select n from (select carrier, distance as n from flights where month in ('2013-02'))")
        == (chunks["distance"])
    )


def test_an_object_of_a_pruned_partition_is_not_even_opened(flights: AthenaLab) -> None:
    flights.s3.put_object(Bucket=flights.name, Key="lake/flights/month=2013-03/broken.parquet", Body=b"no parquet")

    assert flights.ask("select count(*) from flights where month < '2013-03'") == [["8"]]
    failed = flights.run("select count(*) from flights")["Status"]
    assert failed["State"] == "FAILED"
    assert "month=2013-03/broken.parquet" in failed["StateChangeReason"]


def test_a_partition_that_is_in_no_catalog_is_not_read(flights: AthenaLab) -> None:
    flights.put_rows("flights/month=2013-04/a.parquet", FLIGHTS)

    assert flights.ask("select count(*) from flights") == [["12"]]
    flights.crawl()
    assert flights.ask("select count(*) from flights") == [["16"]]


def test_projected_partitions_need_no_catalog_and_end_where_the_range_ends(flights: AthenaLab) -> None:
    table = flights.glue.get_table(DatabaseName=flights.name, Name="flights")["Table"]
    flights.glue.create_table(
        DatabaseName=flights.name,
        TableInput={
            "Name": "projected",
            "StorageDescriptor": table["StorageDescriptor"],
            "PartitionKeys": table["PartitionKeys"],
            "Parameters": {
                "projection.enabled": "true",
                "projection.month.type": "date",
                "projection.month.format": "yyyy-MM",
                "projection.month.interval": "1",
                "projection.month.interval.unit": "MONTHS",
                "projection.month.range": "2013-02,NOW",
            },
        },
    )
    flights.put_rows("flights/month=2013-04/a.parquet", FLIGHTS)
    flights.put_rows("flights/month=unknown/a.parquet", FLIGHTS)

    months = flights.ask("select month, count(*) from projected group by month order by month")

    assert months == [["2013-02", "4"], ["2013-03", "4"], ["2013-04", "4"]]


def test_the_workgroups_limit_ends_a_query_that_reads_more(athena: AthenaLab) -> None:
    rows = pa.table({"x": np.random.default_rng(1).random(LIMIT_BYTES // 8 + 1), "y": np.zeros(LIMIT_BYTES // 8 + 1)})
    athena.put_rows("large/a.parquet", rows, compression="none", use_dictionary=["y"])
    athena.create_crawler("large")
    athena.crawl()

    assert athena.run("select sum(y) from large")["Status"]["State"] == "SUCCEEDED"
    cut = athena.run("select sum(x) from large")

    assert cut["Status"]["State"] == "CANCELLED"
    assert cut["Status"]["StateChangeReason"] == "Bytes scanned limit was exceeded"
    assert cut["Statistics"]["DataScannedInBytes"] > LIMIT_BYTES


def test_the_result_is_an_object_too_and_comes_in_pages(athena: AthenaLab) -> None:
    execution = athena.run("select n, nullif(n, 2) as other from unnest(sequence(1, 2500)) as t(n)")
    first = athena.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])

    assert len(first["ResultSet"]["Rows"]) == 1000
    assert len(athena.fetch(execution)) == 2500
    location = execution["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://{athena.name}/_results/{execution['QueryExecutionId']}.csv"
    body = athena.s3.get_object(Bucket=athena.name, Key=location.partition(f"{athena.name}/")[2])["Body"].read()
    assert body.decode().splitlines()[:3] == ['"n","other"', '"1","1"', '"2",']


class Refusal(NamedTuple):
    sql: str
    reason: str


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal("selec 1", "SYNTAX_ERROR: line 1"),
        Refusal("select 'a", "SYNTAX_ERROR"),
        Refusal("", "SYNTAX_ERROR"),
        Refusal("select 1; select 2", "only one SQL statement"),
        Refusal("select nothing from (values 1) as t(x)", "COLUMN_NOT_FOUND"),
        Refusal("select * from nobody", "TABLE_NOT_FOUND"),
        Refusal("select * from elsewhere.a.b", "CATALOG_NOT_FOUND"),
        Refusal("select no_such_function(1)", "FUNCTION_NOT_FOUND"),
        Refusal("select cast('x' as integer)", "GENERIC_USER_ERROR"),
        Refusal("drop table flights", "NOT_SUPPORTED: DROP"),
        Refusal("create table x as select 1", "NOT_SUPPORTED: CREATE"),
        Refusal("insert into flights select * from flights", "NOT_SUPPORTED: INSERT"),
        Refusal("msck repair table flights", "NOT_SUPPORTED: MSCK"),
        Refusal("select * from read_text('setup.cfg')", "no table functions"),
    ],
    ids=lambda refusal: refusal.sql,
)
def test_what_cannot_be_run_fails_with_a_reason(athena: AthenaLab, refusal: Refusal) -> None:
    status = athena.run(refusal.sql or "--")["Status"]

    assert status["State"] == "FAILED"
    assert refusal.reason in status["StateChangeReason"]
    assert status["AthenaError"]["ErrorCategory"] == 2


def test_a_query_can_be_stopped(flights: AthenaLab) -> None:
    across = ", ".join(f"flights f{n}" for n in range(9))
    identity = flights.athena.start_query_execution(
        QueryString=f"select sum(f0.distance * f8.distance) from {across}",
        QueryExecutionContext={"Database": flights.name},
        WorkGroup=flights.name,
    )["QueryExecutionId"]

    flights.athena.stop_query_execution(QueryExecutionId=identity)

    assert flights.wait(identity)["Status"]["State"] == "CANCELLED"


def test_the_catalog_itself_can_be_asked(flights: AthenaLab) -> None:
    def list_first(sql: str) -> list[str | None]:
        execution = flights.run(sql)
        rows = flights.athena.get_query_results(QueryExecutionId=execution["QueryExecutionId"])["ResultSet"]["Rows"]
        return [row["Data"][0]["VarCharValue"] for row in rows]

    assert list_first("show tables") == ["flights"]
    assert list_first("show partitions flights") == [f"month={month}" for month in MONTHS]
    assert list_first("describe flights")[-1] == "month\tstring"
    assert flights.name in list_first("show databases")


def test_calls_that_athena_refuses_are_refused(athena: AthenaLab) -> None:
    invalid = athena.athena.exceptions.InvalidRequestException
    with pytest.raises(invalid, match="is not found"):
        athena.athena.get_work_group(WorkGroup="nobody")
    with pytest.raises(invalid, match="was not found"):
        athena.athena.get_query_execution(QueryExecutionId="nobody")
    with pytest.raises(invalid, match="No output location"):
        athena.athena.start_query_execution(QueryString="select 1")
