"""Embedded services to rehearse on: a real Kafka broker; AWS, Snowflake and Snowpipe emulated, loopback only."""
