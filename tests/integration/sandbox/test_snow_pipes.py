"""The local Snowpipe, rule by rule: S3 event → queue → the pipe's own COPY → table."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from snowflake.connector import DictCursor
from snowflake.connector.errors import ProgrammingError

from tests.integration.sandbox.snow_lab import SnowLab, wait_for

COPY = "COPY INTO t FROM (SELECT $1, METADATA$FILENAME FROM @st)"


def make_pipe(snow: SnowLab, copy: str = COPY, prefix: str = "in/") -> None:
    """A table, a stage and a pipe of one CSV column."""
    snow.make_stage("st", prefix, "TYPE=CSV")
    snow.run("CREATE TABLE t (id NUMBER, f VARCHAR)")
    snow.run(f"CREATE PIPE p AUTO_INGEST=TRUE COMMENT='c' AS {copy}")


def read_status(snow: SnowLab, pipe: str = "p") -> dict[str, Any]:
    """SYSTEM$PIPE_STATUS as a dictionary."""
    return dict(json.loads(snow.run(f"SELECT SYSTEM$PIPE_STATUS('{pipe}')")[0][0]))


def load_marker(snow: SnowLab, name: str) -> None:
    """Load one more file: every event sent before it has been dealt with when this returns."""
    before = len(snow.history("T"))
    snow.put(f"in/{name}", b"99\n")
    snow.wait_history("T", before + 1)


def list_ids(snow: SnowLab) -> list[int]:
    """The ids in the table."""
    return [row[0] for row in snow.run("SELECT id FROM t ORDER BY id")]


def test_the_pipes_own_copy_is_what_loads(snow: SnowLab) -> None:
    make_pipe(snow, "COPY INTO t FROM (SELECT $1 * 10, 'from the pipe' FROM @st)")
    snow.put("in/a b+é's.csv", b"1\n2\n")
    assert snow.wait_history("T", 1) == [("a b+é's.csv", "Loaded", 2, None)]
    assert snow.run("SELECT * FROM t ORDER BY id") == [(10, "from the pipe"), (20, "from the pipe")]


def test_sp01_sp05_a_name_is_loaded_once_whatever_its_content(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.put("in/a.csv", b"1\n")
    snow.wait_history("T", 1)
    snow.put("in/a.csv", b"2\n")
    load_marker(snow, "marker")
    assert list_ids(snow) == [1, 99]


def test_sp02_sp07_a_bad_file_is_skipped_recorded_and_not_tried_again(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.put("in/bad.csv", b"1\nx\n")
    assert snow.wait_history("T", 1) == [("bad.csv", "Load failed", 0, "Numeric value 'x' is not recognized")]
    snow.put("in/bad.csv", b"1\n")
    load_marker(snow, "marker")
    assert list_ids(snow) == [99]
    validated = snow.run("SELECT * FROM TABLE(VALIDATE_PIPE_LOAD(PIPE_NAME => 'p', START_TIME => "
                         "DATEADD(HOUR, -1, CURRENT_TIMESTAMP())))")  # fmt: skip
    assert validated[0][:3] == ("Numeric value 'x' is not recognized", "in/bad.csv", 2)


def test_sp23_a_pipe_that_continues_loads_the_good_rows(snow: SnowLab) -> None:
    make_pipe(snow, f"{COPY} ON_ERROR=CONTINUE")
    snow.put("in/bad.csv", b"1\nx\n3\n")
    assert snow.wait_history("T", 1)[0][1:3] == ("Partially loaded", 2)
    assert list_ids(snow) == [1, 3]


def test_sp03_truncate_keeps_the_history_and_a_new_pipe_forgets_it(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.put("in/a.csv", b"1\n")
    snow.wait_history("T", 1)
    snow.run("TRUNCATE TABLE t")
    snow.put("in/a.csv", b"1\n")
    load_marker(snow, "marker")
    assert list_ids(snow) == [99]
    snow.run(f"CREATE OR REPLACE PIPE p AUTO_INGEST=TRUE AS {COPY}")
    assert snow.history("T") == []
    snow.run("ALTER PIPE p REFRESH")
    snow.wait_history("T", 2)
    assert list_ids(snow) == [1, 99, 99]


def test_sp04_pipe_and_copy_do_not_know_each_others_files(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.put("in/a.csv", b"1\n")
    snow.wait_history("T", 1)
    assert snow.run(COPY)[0][1] == "LOADED"
    assert list_ids(snow) == [1, 1]


def test_sp10_refresh_sends_what_neither_history_holds(snow: SnowLab) -> None:
    for name in ("x/early.csv", "x/copied.csv", "y/other.csv"):
        snow.put(f"in/{name}", b"1\n")
    make_pipe(snow)
    snow.run("COPY INTO t FROM (SELECT $1, METADATA$FILENAME FROM @st/x/) FILES=('copied.csv')")
    assert snow.run("ALTER PIPE p REFRESH PREFIX='x/' MODIFIED_AFTER='2020-01-01T00:00:00+00:00'") == [
        ("x/early.csv", "SENT")
    ]
    snow.wait_history("T", 2)
    assert snow.run("ALTER PIPE p REFRESH PREFIX='x/'") == []
    assert snow.run("ALTER PIPE p REFRESH MODIFIED_AFTER='2999-01-01T00:00:00Z'") == []


def test_sp11_sp25_a_paused_pipe_keeps_its_files_pending(snow: SnowLab) -> None:
    make_pipe(snow)
    assert read_status(snow)["executionState"] == "RUNNING"
    snow.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = TRUE")
    snow.put("in/a.csv", b"1\n")
    status = wait_for(lambda: read_status(snow)["pendingFileCount"] == 1 and read_status(snow), "a pending file")
    assert (status["executionState"], status["oldestPendingFilePath"]) == ("PAUSED", "in/a.csv")
    assert list_ids(snow) == []
    snow.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = FALSE")
    snow.wait_history("T", 1)
    status = wait_for(lambda: read_status(snow)["pendingFileCount"] == 0 and read_status(snow), "no pending file")
    assert "oldestPendingFilePath" not in status
    assert status["lastIngestedFilePath"] == "in/a.csv"
    assert list_ids(snow) == [1]


def test_sp12_a_stage_url_is_a_prefix(snow: SnowLab) -> None:
    make_pipe(snow, prefix="in")
    snow.put("in_archive/a.csv", b"1\n")
    snow.put("other/a.csv", b"2\n")
    snow.put("in/a.csv", b"3\n")
    snow.wait_history("T", 2)
    assert list_ids(snow) == [1, 3]


def test_sp13_copied_objects_are_loaded_too(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.put("staging/a.csv", b"1\n")
    source = {"Bucket": snow.bucket, "Key": "staging/a.csv"}
    snow.s3.copy_object(Bucket=snow.bucket, Key="in/copy.csv", CopySource=source)
    assert [row[0] for row in snow.wait_history("T", 1)] == ["copy.csv"]


def test_sp14_a_pipe_hears_through_an_sns_topic(snow: SnowLab) -> None:
    _ = snow.s3
    endpoint = snow.s3.meta.endpoint_url
    sns: Any = boto3.client(
        "sns", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    topic = sns.create_topic(Name=snow.bucket)["TopicArn"]
    snow.make_stage("st", "in/", "TYPE=CSV")
    snow.run("CREATE TABLE t (id NUMBER, f VARCHAR)")
    snow.run(f"CREATE PIPE p AUTO_INGEST=TRUE AWS_SNS_TOPIC='{topic}' AS {COPY}")
    to_topic = [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
    snow.s3.put_bucket_notification_configuration(
        Bucket=snow.bucket, NotificationConfiguration={"TopicConfigurations": to_topic}
    )
    snow.put("in/a.csv", b"1\n")
    snow.wait_history("T", 1)
    assert list_ids(snow) == [1]


def test_sp15_all_pipes_share_one_queue_and_one_file_may_have_many_pipes(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.run("CREATE TABLE u (id NUMBER)")
    snow.run("CREATE PIPE q AUTO_INGEST=TRUE AS COPY INTO u FROM (SELECT $1 + 1 FROM @st) PATTERN='.*[.]csv'")
    channels = {row[6] for row in snow.run(f"SHOW PIPES IN SCHEMA SNOWTEST.{snow.schema}")}
    assert len(channels) == 1
    snow.put("in/a.txt", b"1\n")
    snow.put("in/a.csv", b"1\n")
    snow.wait_history("T", 2)
    snow.wait_history("U", 1)
    assert snow.run("SELECT id FROM u") == [(2,)]


def test_sp22_a_pipe_names_its_error_integration_bare_and_one_that_is_there(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.run(f'CREATE NOTIFICATION INTEGRATION "{snow.schema}" TYPE=QUEUE DIRECTION=OUTBOUND ENABLED=TRUE '
             "NOTIFICATION_PROVIDER=AWS_SNS AWS_SNS_TOPIC_ARN='arn:aws:sns:us-east-1:1:t' "
             "AWS_SNS_ROLE_ARN='arn:aws:iam::1:role/r'")  # fmt: skip
    snow.run(f'ALTER PIPE p SET ERROR_INTEGRATION = "{snow.schema}"')
    snow.run(
        f'CREATE PIPE q AUTO_INGEST=TRUE ERROR_INTEGRATION="{snow.schema}" AS COPY INTO t (id) FROM (SELECT $1 FROM @st)'
    )
    with pytest.raises(ProgrammingError, match="NOPE"):
        snow.run("ALTER PIPE p SET ERROR_INTEGRATION = nope")
    with snow.connection.cursor(DictCursor) as cursor:
        cursor.execute(f"SHOW PIPES IN SCHEMA SNOWTEST.{snow.schema}")
        named = {row["name"]: row["error_integration"] for row in cursor.fetchall()}
    assert named == {"P": snow.schema, "Q": snow.schema, "FIRST_PIPE": None}


def test_sp16_files_that_arrive_without_a_table_are_not_queued(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.run("DROP TABLE t")
    assert read_status(snow)["executionState"] == "STOPPED_MISSING_TABLE"
    snow.run("CREATE TABLE u (id NUMBER)")
    snow.run("CREATE PIPE q AUTO_INGEST=TRUE AS COPY INTO u FROM (SELECT $1 FROM @st)")
    snow.put("in/a.csv", b"1\n")
    snow.wait_history("U", 1)
    snow.run("CREATE TABLE t (id NUMBER, f VARCHAR)")
    load_marker(snow, "marker")
    assert list_ids(snow) == [99]


def test_an_object_that_is_gone_is_a_failed_load(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = TRUE")
    snow.put("in/a.csv", b"1\n")
    wait_for(lambda: read_status(snow)["pendingFileCount"] == 1, "a pending file")
    snow.s3.delete_object(Bucket=snow.bucket, Key="in/a.csv")
    snow.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = FALSE")
    (row,) = snow.wait_history("T", 1)
    assert row[1] == "Load failed"
    assert "NoSuchKey" in str(row[3])


def test_where_there_is_no_pipe_nothing_loads(snow: SnowLab) -> None:
    make_pipe(snow)
    snow.run("CREATE PIPE manual AS COPY INTO t FROM (SELECT 5, '' FROM @st)")
    snow.run("DROP PIPE p")
    snow.put("in/a.csv", b"1\n")
    snow.run("CREATE TABLE u (id NUMBER)")
    snow.run("CREATE PIPE q AUTO_INGEST=TRUE AS COPY INTO u FROM (SELECT $1 FROM @st)")
    snow.put("in/b.csv", b"1\n")
    snow.wait_history("U", 1)
    assert list_ids(snow) == []
    assert [row[1] for row in snow.run("SHOW PIPES LIKE 'MANU%'")] == ["MANUAL"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE PIPE x AUTO_INGEST=TRUE AS COPY INTO nope FROM @st", "NOPE"),
        ("CREATE PIPE x AUTO_INGEST=TRUE AS COPY INTO t FROM @nope", "NOPE"),
        ("CREATE PIPE x AUTO_INGEST=TRUE AS COPY INTO t FROM @st FILE_FORMAT=(FORMAT_NAME=nope)", "NOPE"),
        ("CREATE PIPE x AUTO_INGEST=TRUE AS COPY INTO t (nope) FROM @st", "NOPE"),
        ("CREATE PIPE x AUTO_INGEST=TRUE AS COPY INTO t FROM @st FORCE=TRUE", "FORCE"),
        ("CREATE PIPE x AUTO_INGEST=TRUE ERROR_INTEGRATION=nope AS COPY INTO t FROM @st", "NOPE"),
        ("CREATE PIPE p AUTO_INGEST=TRUE AS COPY INTO t FROM @st", "already exists"),
        ("CREATE PIPE x AUTOINGEST=TRUE AS COPY INTO t FROM @st", "AUTOINGEST"),
        ("ALTER PIPE p SET COPY = 'x'", "COPY"),
    ],
)
def test_pipes_that_cannot_work_are_refused_when_they_are_created(snow: SnowLab, sql: str, words: str) -> None:
    make_pipe(snow)
    with pytest.raises(ProgrammingError, match=words):
        snow.run(sql)
