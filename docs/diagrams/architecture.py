"""Draws the ways of a row as pictures beside this script: `make diagrams`, or `python docs/diagrams/architecture.py`.

Each picture holds the SHA-256 of this script in a text chunk of its PNG (keyword `source-sha256`), by which a test tells a
picture that is older than its source.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

from diagrams import Cluster, Diagram, Edge, Node
from diagrams.aws.analytics import Athena, GlueCrawlers, GlueDataCatalog, KinesisDataFirehose
from diagrams.aws.compute import Lambda
from diagrams.aws.database import Dynamodb
from diagrams.aws.integration import SQS
from diagrams.aws.network import APIGateway
from diagrams.aws.security import SecretsManager
from diagrams.aws.storage import S3
from diagrams.onprem.analytics import Spark
from diagrams.onprem.client import Client
from diagrams.onprem.queue import Kafka
from diagrams.programming.flowchart import Document
from diagrams.programming.language import Python
from diagrams.saas.analytics import Snowflake

KEYWORD = b"source-sha256"
FONT = "DejaVu Sans"
ICON_INCHES, LINE_INCHES = 1.05, 0.22
GREY, RED, GREEN = "#5f6b7a", "#b3362b", "#2f7d4f"
GRAPH = {
    "bgcolor": "white", "pad": "0.5", "nodesep": "0.25", "ranksep": "0.85", "dpi": "72", "fontname": FONT,
    "splines": "spline",
}  # fmt: skip
NODE = {"fontname": FONT, "fontsize": "14", "fontcolor": "#1f2933", "width": str(ICON_INCHES)}
EDGE = {
    "fontname": FONT,
    "fontsize": "12",
    "fontcolor": GREY,
    "color": GREY,
    "penwidth": "1.6",
    "tailport": "e",
    "headport": "w",
}
BACK = {"tailport": "s", "headport": "s", "constraint": "false", "style": "dashed"}
BOX = {"fontname": FONT, "fontsize": "14", "fontcolor": "#1f2933", "bgcolor": "#f4f7fa", "pencolor": "#c3ced9",
       "margin": "22", "style": "rounded"}  # fmt: skip


def place(icon: type[Node], label: str) -> Node:
    """An icon with its label below it, and as much room above it: arrows meet the box in the middle of its side."""
    lines = label.count("\n") + 1
    return icon(label, height=str(ICON_INCHES + 2 * LINE_INCHES * lines + 0.1))


def draw_lake() -> None:
    """The main way: Spark and Snowpipe."""
    source, producer, topic = draw_begin()
    job = place(Spark, "spark_streaming\nrules, windows")
    with Cluster("S3 bucket", graph_attr=BOX):
        raw, curated = place(S3, "raw"), place(S3, "curated, rejected,\naggregates")
        ledger = place(S3, "_ledger\nmanifests")
    pipes = place(SQS, "S3 events\nfor Snowpipe")
    tables = place(Snowflake, "pipes: COPY\ntables, views")
    source >> producer >> topic >> job
    job >> raw
    job >> curated
    job >> Edge(style="dashed") >> ledger
    raw >> pipes
    curated >> pipes >> tables >> Edge(color=GREEN, style="dashed") >> place(Python, "reconciliation\nof every stage")


def draw_direct() -> None:
    """Kafka straight into tables."""
    source, producer, topic = draw_begin()
    consumer = place(Python, "kafka_consumer\n--to snowflake")
    with Cluster("one transaction", graph_attr=BOX):
        tables, offsets = place(Snowflake, "rows\ncurated, rejected"), place(Snowflake, "offsets\nhow far they are")
    source >> producer >> topic >> consumer
    consumer >> tables
    consumer >> offsets


def draw_lambda() -> None:
    """A function between Kafka and the tables."""
    source, producer, topic = draw_begin()
    consumer = place(Python, "kafka_consumer\n--to lambda")
    function = place(Lambda, "Lambda\njudges, writes")
    secret = place(SecretsManager, "keys")
    tables = place(Snowflake, "rows and ranges\nin one transaction")
    source >> producer >> topic >> consumer >> function >> tables
    topic >> Edge(label="or a Kafka trigger", style="dashed") >> function
    secret >> Edge(style="dashed") >> function


def draw_s3() -> None:
    """Objects, a catalog, and SQL over them."""
    source, producer, topic = draw_begin()
    consumer = place(Python, "kafka_consumer\n--to s3")
    objects = place(S3, "ways/s3\nParquet objects")
    crawler, catalog = place(GlueCrawlers, "Glue crawler"), place(GlueDataCatalog, "Data Catalog")
    athena = place(Athena, "Athena\nSQL in place")
    source >> producer >> topic >> consumer >> objects >> crawler >> catalog >> athena
    athena >> Edge(**BACK) >> objects


def draw_events() -> None:
    """Events from an API."""
    caller, gateway = place(Client, "caller"), place(APIGateway, "API Gateway\nPOST /events")
    function = place(Lambda, "Lambda\nvalidates, enriches")
    memory, errors, receipts = (
        place(Dynamodb, "event ids"),
        place(S3, "error bucket\nrefused events"),
        place(S3, "receipts of\nevery request"),
    )
    firehose, objects = place(KinesisDataFirehose, "Firehose"), place(S3, "S3\nJSON lines")
    tables = place(Snowflake, "Snowpipe,\nstaging table, view")
    caller >> gateway >> function >> firehose >> objects >> tables
    function >> Edge(style="dashed") >> memory
    function >> Edge(color=RED) >> errors
    function >> receipts
    proof = place(Python, "reconciliation")
    receipts >> Edge(color=GREEN, style="dashed") >> proof
    tables >> Edge(color=GREEN, style="dashed") >> proof


def draw_backfill() -> None:
    """A range of event time judged again."""
    with Cluster("read again", graph_attr=BOX):
        topic, raw = place(Kafka, "Kafka topic\n--source kafka"), place(S3, "raw zone\n--source raw")
    job = place(Spark, "spark_streaming\nbackfill")
    with Cluster("S3 bucket", graph_attr=BOX):
        files, record = place(S3, "operations/\nnew files"), place(S3, "_ledger/…/ops\none record")
    apply = place(Python, "snowflake_\nintegration")
    tables = place(Snowflake, "delete and COPY\nin one transaction")
    [topic, raw] >> job
    job >> files
    job >> record
    [files, record] >> apply
    apply >> tables


def draw_begin() -> tuple[Node, Node, Node]:
    """What the ways from a file have in common."""
    return place(Document, "CSV file"), place(Python, "kafka_producer\nexactly once"), place(Kafka, "Kafka topic")


def draw_all() -> None:
    """Every way on one picture."""
    source, producer, topic = place(Document, "CSV file"), place(Python, "kafka_producer"), place(Kafka, "Kafka topic")
    source >> producer >> topic
    snow = place(Snowflake, "Snowflake\ntables and views")
    with Cluster("lake and backfill", graph_attr=BOX):
        job, lake, pipes = (
            place(Spark, "spark_streaming"),
            place(S3, "raw, curated,\nrejected, windows"),
            place(SQS, "Snowpipe"),
        )
        job >> lake >> pipes
    with Cluster("ways without Spark: direct, lambda, s3", graph_attr=BOX):
        consumer = place(Python, "kafka_consumer")
        function, objects = place(Lambda, "Lambda"), place(S3, "objects")
        athena = place(Athena, "Glue, Athena")
        consumer >> function
        consumer >> objects >> athena
    with Cluster("events", graph_attr=BOX):
        gateway, check = place(APIGateway, "API Gateway\nPOST /events"), place(Lambda, "validates,\nenriches")
        firehose, lines = place(KinesisDataFirehose, "Firehose"), place(S3, "JSON lines\nfor Snowpipe")
        gateway >> check >> firehose >> lines
    topic >> job
    topic >> consumer
    pipes >> snow
    consumer >> snow
    function >> snow
    lines >> snow
    snow >> Edge(color=GREEN, style="dashed") >> place(Python, "reconciliation\nof every stage")


PICTURES: dict[str, Callable[[], None]] = {
    "architecture": draw_all,
    "lake": draw_lake,
    "direct": draw_direct,
    "lambda": draw_lambda,
    "s3": draw_s3,
    "events": draw_events,
    "backfill": draw_backfill,
}


def write_picture(folder: Path, name: str, draw: Callable[[], None], fingerprint: str) -> None:
    """Draw one picture and put the fingerprint into it."""
    path = folder / f"{name}.png"
    with Diagram(
        "", filename=str(path.with_suffix("")), direction="LR", show=False,
        graph_attr=GRAPH, node_attr=NODE, edge_attr=EDGE,
    ):  # fmt: skip
        draw()
    path.write_bytes(add_text(path.read_bytes(), KEYWORD, fingerprint.encode()))


def add_text(png: bytes, keyword: bytes, text: bytes) -> bytes:
    """The PNG with a `tEXt` chunk behind its header chunk (www.w3.org/TR/png-3/#11tEXt)."""
    # Eight bytes of signature, then the header: length, type, thirteen bytes, checksum.
    end_of_header = 8 + 4 + 4 + 13 + 4
    content = b"tEXt" + keyword + b"\0" + text
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    return png[:end_of_header] + chunk + png[end_of_header:]


def main() -> None:
    """Draw all pictures."""
    script = Path(__file__).resolve()
    fingerprint = hashlib.sha256(script.read_bytes()).hexdigest()
    for name, draw in PICTURES.items():
        write_picture(script.parent, name, draw, fingerprint)


if __name__ == "__main__":
    main()
