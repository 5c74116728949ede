"""The sandbox: a real Kafka broker, and emulated AWS and Snowflake endpoints on this machine's loopback interface."""
