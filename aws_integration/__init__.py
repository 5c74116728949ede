"""The AWS side of the ways without Spark: the Glue catalog over the objects in S3, and queries on Athena."""
