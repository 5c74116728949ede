"""Joins on keys in which null is a value like any other. DataFrame in, DataFrame out."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812


def rename_key(rows: DataFrame, key: Iterable[str], *more: str) -> DataFrame:
    """The key's columns under names of their own, so that a join can tell its two sides apart."""
    return rows.select(*(F.col(name).alias(renamed(name)) for name in key), *more)


def renamed(name: str) -> str:
    """What a column of a key is called on the other side; no column of a contract begins so."""
    return f"_key_{name}"


def same_key(key: Iterable[str]) -> list[Column]:
    """The condition of a join with rows of `rename_key`."""
    return [F.col(name).eqNullSafe(F.col(renamed(name))) for name in key]
