"""A bucket, a Glue database, a crawler and a workgroup of one test, with plain boto3."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

LIMIT_BYTES = 10_000_000
WAIT_S = 60


def open_client(endpoint_url: str, service: Any) -> Any:
    """A client of the emulated AWS."""
    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id=SANDBOX_ACCESS_KEY_ID,
        aws_secret_access_key=SANDBOX_SECRET_ACCESS_KEY,
    )


class AthenaLab:
    """Everything bears one name; tables lie below `s3://<name>/lake/`."""

    def __init__(self, endpoint_url: str, name: str) -> None:
        self.name = name
        self.s3: S3Client = open_client(endpoint_url, "s3")
        self.glue: GlueClient = open_client(endpoint_url, "glue")
        self.athena: AthenaClient = open_client(endpoint_url, "athena")
        self.s3.create_bucket(Bucket=name)
        self.glue.create_database(DatabaseInput={"Name": name})
        self.athena.create_work_group(
            Name=name,
            Configuration={
                "ResultConfiguration": {"OutputLocation": f"s3://{name}/_results/"},
                "BytesScannedCutoffPerQuery": LIMIT_BYTES,
            },
        )

    def put_rows(self, key: str, rows: pa.Table, **options: Any) -> int:
        """Put a Parquet object below `lake/`; its bytes."""
        sink = io.BytesIO()
        pq.write_table(rows, sink, **options)
        self.s3.put_object(Bucket=self.name, Key=f"lake/{key}", Body=sink.getvalue())
        return len(sink.getvalue())

    def create_crawler(self, folder: str, **options: Any) -> None:
        """A crawler of one folder below `lake/`."""
        self.glue.create_crawler(
            Name=self.name,
            Role="crawler",
            DatabaseName=self.name,
            Targets={"S3Targets": [{"Path": f"s3://{self.name}/lake/{folder}/"}]},
            **options,
        )

    def crawl(self) -> Any:
        """Run the crawler to its end; its last run as Glue describes it."""
        self.glue.start_crawler(Name=self.name)
        retrying = Retrying(
            retry=retry_if_result(lambda crawler: crawler["State"] != "READY"),
            stop=stop_after_delay(WAIT_S),
            wait=wait_fixed(0.05),
        )
        return retrying(lambda: self.glue.get_crawler(Name=self.name)["Crawler"])["LastCrawl"]

    def run(self, sql: str) -> Any:
        """Run a statement to its end, whatever that is; Athena's description of the execution."""
        started = self.athena.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": self.name}, WorkGroup=self.name
        )
        return self.wait(started["QueryExecutionId"])

    def wait(self, identity: str) -> Any:
        """Wait for the end of an execution; Athena's description of it."""
        retrying = Retrying(
            retry=retry_if_result(lambda execution: execution["Status"]["State"] in ("QUEUED", "RUNNING")),
            stop=stop_after_delay(WAIT_S),
            wait=wait_fixed(0.02),
        )
        return retrying(lambda: self.athena.get_query_execution(QueryExecutionId=identity)["QueryExecution"])

    def fetch(self, execution: Any) -> list[list[str | None]]:
        """All rows of a result, the header left out."""
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=execution["QueryExecutionId"])
        rows = [row for page in pages for row in page["ResultSet"]["Rows"]]
        return [[value.get("VarCharValue") for value in row["Data"]] for row in rows][1:]

    def ask(self, sql: str) -> list[list[str | None]]:
        """The rows of a SELECT."""
        return self.fetch(self.run(sql))
