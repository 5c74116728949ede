"""Topic → Snowflake, S3 or Lambda, without Spark."""
