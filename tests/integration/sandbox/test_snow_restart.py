"""The endpoint killed in the middle of loading, and what it knows when it is back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from sandbox.processes import find_free_port
from tests.integration.sandbox.snow_lab import EndpointProcess, SnowLab, wait_for

FILES = 30
ROWS = 500


def has_rows(lab: SnowLab, count: int) -> bool:
    """Whether the table has at least so many rows."""
    return int(lab.run("SELECT COUNT(*) FROM t")[0][0]) >= count


@pytest.mark.chaos_short
def test_a_kill_in_the_middle_loses_nothing_and_doubles_nothing(
    endpoint_process: EndpointProcess, s3_endpoint: str, unique_name: str
) -> None:
    endpoint_process.start()
    first = lab = SnowLab(s3_endpoint, endpoint_process.port, unique_name)
    lab.make_stage("st", "in/", "TYPE=CSV")
    lab.run("CREATE TABLE t (file NUMBER, id NUMBER, line NUMBER)")
    lab.run("CREATE PIPE p AUTO_INGEST=TRUE AS COPY INTO t FROM (SELECT $1, $2, METADATA$FILE_ROW_NUMBER FROM @st)")
    for number in range(FILES):
        lab.put(f"in/{number}.csv", "".join(f"{number},{row}\n" for row in range(ROWS)).encode())
    for share in (1, FILES // 2):
        wait_for(partial(has_rows, lab, share * ROWS), f"{share} loaded files")
        endpoint_process.kill()
        endpoint_process.start()
        lab = SnowLab(s3_endpoint, endpoint_process.port, unique_name + str(share))
        lab.run(f"USE SCHEMA SNOWTEST.{unique_name}")
    wait_for(partial(has_rows, lab, FILES * ROWS), "all rows")
    first.put("in/last.csv", b"99,0\n")
    wait_for(partial(has_rows, lab, FILES * ROWS + 1), "the last file")
    assert lab.run("SELECT COUNT(*), COUNT(DISTINCT file * 1000 + id), MIN(line), MAX(line) FROM t") == [
        (FILES * ROWS + 1, FILES * ROWS + 1, 1, ROWS)
    ]
    assert [row[1:3] for row in lab.history("T")].count(("Loaded", ROWS)) == FILES
    assert endpoint_process.stop() == 0


@pytest.mark.chaos_short
def test_everything_is_there_after_an_orderly_stop_and_files_stay_pending_while_s3_is_down(
    endpoint_process: EndpointProcess, s3_endpoint: str, unique_name: str
) -> None:
    endpoint_process.start()
    lab = SnowLab(s3_endpoint, endpoint_process.port, unique_name)
    lab.make_stage("st", "in/", "TYPE=CSV")
    lab.run("CREATE TABLE t (id NUMBER, name VARCHAR(3)) COMMENT = 'it''s'")
    lab.run("CREATE VIEW v AS SELECT id FROM t WHERE id > 0")
    lab.run("CREATE PIPE p AUTO_INGEST=TRUE AS COPY INTO t (id) FROM (SELECT $1 FROM @st)")
    lab.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = TRUE")
    lab.put("in/a.csv", b"1\n")
    wait_for(lambda: '"pendingFileCount": 1' in lab.run("SELECT SYSTEM$PIPE_STATUS('p')")[0][0], "a pending file")
    assert endpoint_process.stop() == 0
    endpoint_process.start(f"http://127.0.0.1:{find_free_port()}")
    away = SnowLab(s3_endpoint, endpoint_process.port, unique_name + "2")
    away.run(f"USE SCHEMA SNOWTEST.{unique_name}")
    away.run("ALTER PIPE p SET PIPE_EXECUTION_PAUSED = FALSE")
    wait_for(lambda: "in/a.csv stays pending" in endpoint_process.read_log(), "a failed attempt")
    assert away.history("T") == []
    assert endpoint_process.stop() == 0
    endpoint_process.start()
    back = SnowLab(s3_endpoint, endpoint_process.port, unique_name + "3")
    back.run(f"USE SCHEMA SNOWTEST.{unique_name}")
    back.wait_history("T", 1)
    assert back.run("SELECT id FROM v") == [(1,)]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.1", "example.org"])
def test_only_loopback_is_served(host: str, tmp_path: Path) -> None:
    import typer

    from sandbox.snowflake.__main__ import bind_loopback

    with pytest.raises(typer.Exit) as caught:
        bind_loopback(host, 0)
    assert caught.value.exit_code == 2


def test_a_taken_port_is_a_clear_error(capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    from sandbox.snowflake.__main__ import bind_loopback

    with bind_loopback("127.0.0.1", 0) as taken:
        taken.listen()
        with pytest.raises(typer.Exit) as caught:
            bind_loopback("127.0.0.1", taken.getsockname()[1])
    assert caught.value.exit_code == 2
    assert "choose another port" in capsys.readouterr().err
