"""What can go wrong around the job: each time a clear error, and nothing lost once it is put right."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import AdminClient

from sandbox.processes import find_free_port
from tests.integration.spark_streaming.job_runs import CONTRACT, Pipeline

INGEST = ("--query", "ingest")


def test_an_unknown_pipeline_names_those_there_are(pipeline: Pipeline) -> None:
    done = pipeline.command("spark_streaming", "run", "no_such_pipeline")
    assert done.returncode == 2
    assert "flights" in done.stderr


def test_a_topic_that_is_missing_says_how_to_create_it(pipeline: Pipeline) -> None:
    run = pipeline.drain(*INGEST)
    assert run.code == 2
    assert f"python -m kafka_producer topics {pipeline.name}" in run.error


@pytest.mark.chaos_short
def test_services_that_are_down_are_named_and_nothing_is_lost(pipeline: Pipeline) -> None:
    pipeline.replay(pipeline.write_rows(0, 300))
    nowhere = f"127.0.0.1:{find_free_port()}"
    broker = pipeline.with_variables(MILLRACE_KAFKA__BOOTSTRAP_SERVERS=nowhere).drain(*INGEST)
    assert broker.code == 3
    assert nowhere in broker.error
    bucket = pipeline.with_variables(MILLRACE_S3__ENDPOINT_URL=f"http://{nowhere}").drain(*INGEST)
    assert bucket.code == 3
    assert nowhere in bucket.error
    assert pipeline.drain(*INGEST).code == 0
    assert pipeline.lines("raw") == list(range(2, 302))


@pytest.mark.chaos_short
@pytest.mark.timeout(1200)
def test_a_recreated_topic_and_a_strange_checkpoint_stop_the_job(pipeline: Pipeline) -> None:
    pipeline.replay(pipeline.write_rows(0, 300))
    assert pipeline.drain(*INGEST).code == 0

    admin = AdminClient({"bootstrap.servers": pipeline.settings.kafka.bootstrap_servers})
    for future in admin.delete_topics([pipeline.name, f"{pipeline.name}.progress"]).values():
        future.result(timeout=30)
    pipeline.replay(pipeline.write_rows(300, 200, "again.csv"))
    stopped = pipeline.drain(*INGEST)
    assert stopped.code == 2
    assert "was recreated" in stopped.error
    assert "--starting-offsets earliest" in stopped.error
    # What the message tells to do works.
    fresh = pipeline.on_checkpoint(f"{pipeline.checkpoint}-new")
    done = fresh.drain(*INGEST, "--starting-offsets", "earliest")
    assert done.code == 0, done.error
    assert len(pipeline.lines("raw")) == 500

    # Another contract's job on this checkpoint.
    strange = Pipeline(pipeline.folder, f"{pipeline.name}b", pipeline.settings, pipeline.variables, pipeline.checkpoint)
    strange.path.write_text(CONTRACT.format(name=strange.name))
    strange.replay(strange.write_rows(0, 10, "strange.csv"))
    mine = f"{pipeline.checkpoint}/{pipeline.name}"
    (pipeline.folder / "checkpoints" / strange.name).symlink_to(mine)
    refused = strange.drain(*INGEST)
    assert refused.code == 2, refused.text
    assert f"is of {pipeline.name}/ingest" in refused.error
