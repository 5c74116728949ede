"""A Snowflake endpoint (emulated) for the sandbox: the real connector talks to it over HTTP, duckdb does the work."""

from sandbox.snowflake.accepted import ACCEPTED_NOT_ENFORCED

__all__ = ["ACCEPTED_NOT_ENFORCED"]
