"""The Spark Structured Streaming job: Kafka topic to the lake, exactly once for a reader who lists the bucket."""
