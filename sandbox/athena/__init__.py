"""The emulated Athena: SELECT over the S3 objects and the Glue catalog of the emulated AWS endpoint, run by duckdb.

A statement is read in Athena's dialect and written in duckdb's by sqlglot. Partitions are pruned before any object is
read, and the bytes scanned are those of the column chunks that the query reads, as the objects' own footers say.
"""
