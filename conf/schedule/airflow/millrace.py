"""Airflow's way: a drain every hour and a backfill every night for each pipeline, neither beside itself.

Copy it to the folder of your DAGs; the workers need the project at /opt/millrace.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.models.dag import DAG
from airflow.operators.bash import BashOperator

PIPELINES = ("flights",)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
IN_PROJECT = "cd /opt/millrace && .venv/bin/python -m"

for pipeline in PIPELINES:
    with DAG(f"millrace_{pipeline}_drain", schedule="7 * * * *", start_date=BEGIN, catchup=False, max_active_runs=1):
        BashOperator(
            task_id="drain",
            bash_command=f"{IN_PROJECT} spark_streaming run {pipeline} --env aws --available-now --quiet",
        )
    with DAG(
        f"millrace_{pipeline}_backfill", schedule="30 2 * * *", start_date=BEGIN, catchup=False, max_active_runs=1
    ):
        backfill = BashOperator(
            task_id="backfill",
            bash_command=(
                f"{IN_PROJECT} spark_streaming backfill {pipeline} --env aws --quiet"
                " --from {{ macros.ds_add(data_interval_end | ds, -2) }} --to {{ data_interval_end | ds }}"
            ),
        )
        apply = BashOperator(
            task_id="apply",
            bash_command=f"{IN_PROJECT} snowflake_integration apply-backfill {pipeline} --env aws --quiet",
        )
        backfill >> apply
