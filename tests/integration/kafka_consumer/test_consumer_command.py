"""The command: its plan, its summary, its metrics, its stop."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from tests.integration.kafka_consumer.consumer_runs import wait_until
from tests.integration.kafka_consumer.pipelines import Pipeline, good_ids
from tests.integration.kafka_consumer.strikes import TARGETS, start_consumer

SNOWFLAKE = TARGETS[0]


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output and error of a command that ends by itself."""
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def read_metrics(url: str) -> dict[tuple[str, str], float]:
    """The samples by name and output."""
    with urllib.request.urlopen(url, timeout=10) as reply:
        families = list(text_string_to_metric_families(reply.read().decode()))
    return {(s.name, s.labels.get("output", "")): s.value for family in families for s in family.samples}


def test_a_run_is_planned_watched_stopped_and_summed_up(pipeline: Pipeline, sandbox_variables: dict[str, str]) -> None:
    pipeline.replay(0, 300)
    code, out, err = finish(start_consumer(pipeline, SNOWFLAKE, sandbox_variables, "--dry-run", "--json"))
    assert code == 0, err
    plan = json.loads(out)
    assert plan["group"] == f"millrace-{pipeline.name}-direct"
    assert [p["start"] for p in plan["partitions"]] == [0, 0, 0]
    assert pipeline.count_ids("direct") == {}

    process = start_consumer(pipeline, SNOWFLAKE, sandbox_variables, "--metrics-port", "0", "--json")
    assert process.stderr
    url = next(
        match[1] for line in process.stderr if (match := re.search(r"metrics at (http://127\.0\.0\.1:\S+)", line))
    )
    wait_until(lambda: read_metrics(url).get(("millrace_consumer_rows_total", "curated")) == 270)
    assert read_metrics(url)["millrace_consumer_rows_total", "rejected"] == 30
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)

    assert code == 0, err
    summary = json.loads(out)
    assert (summary["messages"], summary["rows"]) == (300, {"curated": 270, "rejected": 30})
    assert pipeline.count_ids("direct") == good_ids(0, 300)
