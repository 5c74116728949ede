"""Snowflake objects rendered from the contract: SQL to paste, deploy, query, tear down."""
