"""CSV files to a Kafka topic, exactly once."""
