"""What a streaming job needs of Spark, done once on a few rows; run by `class_archive.py` with spark-submit."""

from __future__ import annotations

from tempfile import TemporaryDirectory

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812


def run(spark: SparkSession, folder: str) -> None:
    """Read text as JSON and CSV, write and read Parquet, in micro-batches and with state."""

    def publish(batch: DataFrame, number: int) -> None:
        text = F.concat(F.lit('{"id": '), F.col("value"), F.lit("}"))
        rows = batch.withColumn("row", F.from_json(text, "id bigint")).withColumn("line", F.from_csv(text, "x string"))
        timed = rows.withColumn("at", F.timestamp_seconds(F.col("value").cast("bigint")))
        timed.select("at", "row.id", "line.x").write.mode("append").parquet(f"{folder}/rows")
        known = F.broadcast(batch.select("value"))
        spark.read.parquet(f"{folder}/rows").join(known, F.col("id") == F.col("value")).count()

    def count(batch: DataFrame, number: int) -> None:
        batch.count()

    spark.range(20).select(F.col("id").cast("string")).coalesce(1).write.text(f"{folder}/lines")
    lines = spark.readStream.text(f"{folder}/lines").writeStream.foreachBatch(publish)
    lines.option("checkpointLocation", f"{folder}/first").trigger(availableNow=True).start().awaitTermination()
    stream = spark.readStream.schema("at timestamp, id bigint, x string").parquet(f"{folder}/rows")
    windows = stream.withWatermark("at", "1 second").groupBy(F.window("at", "1 second")).count()
    counted = windows.writeStream.foreachBatch(count)
    counted.option("checkpointLocation", f"{folder}/second").trigger(availableNow=True).start().awaitTermination()


if __name__ == "__main__":
    session = SparkSession.builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
    session.conf.set(
        "spark.sql.streaming.stateStore.providerClass",
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
    )
    with TemporaryDirectory() as folder:
        run(session, folder)
    session.stop()
