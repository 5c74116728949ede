"""The script that spark-submit runs once it has fetched the packages: it starts no Spark, and says what there is."""

from __future__ import annotations

import sys
from pathlib import Path


def list_jars() -> list[Path]:
    """The packages' jars: spark-submit puts them on a Python script's path, beside one of pyspark's own."""
    return [Path(entry) for entry in sys.path if entry.endswith(".jar") and "pyspark" not in Path(entry).parts]


if __name__ == "__main__":
    jars = list_jars()
    sys.stdout.write(f"Spark: {len(jars)} jars, {sum(jar.stat().st_size for jar in jars) / 1e6:.0f} MB\n")
