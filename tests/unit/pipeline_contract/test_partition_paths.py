"""The folder of a curated row, as the Spark job names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline_contract.contract_file import load_contract
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.partition_paths import compile_partition

CONTRACT = """
name = "things"
version = 1
[topic]
name = "things"
key = ["id"]
[lake]
partition_by = {{ {partition_by} }}
[warehouse]
schema = "S"
table = "t"
[[column]]
name = "id"
type = "bigint"
[[column]]
name = "label"
type = "string"
"""


def find_folder(folder: Path, partition_by: str, row: tuple[object, ...]) -> str:
    path = folder / "things.toml"
    path.write_text(CONTRACT.format(partition_by=partition_by))
    return compile_partition(load_contract(path))(row)


@pytest.mark.parametrize(
    ("partition_by", "row", "folder"),
    [
        ("", (1, "a"), ""),
        ('kind = "label"', (1, "a"), "kind=a/"),
        ('kind = "label", number = "id"', (1, "a"), "kind=a/number=1/"),
        ('kind = "label"', (1, None), "kind=unknown/"),
        ('kind = "label"', (1, ""), "kind=unknown/"),
        ('kind = "label"', (1, "a" * 61), f"kind={'a' * 60}/"),
        ('kind = "label"', (1, "a/b=c:d%"), "kind=a%2Fb%3Dc%3Ad%25/"),
        ('kind = "label"', (1, "\x01\n\x7f"), "kind=%01%0A%7F/"),
        ('kind = "label"', (1, "é 水 '\"#*?\\{[]}^"), "kind=é 水 %27%22%23%2A%3F%5C%7B%5B%5D}%5E/"),
    ],
    ids=["none", "one", "two", "null", "empty", "long", "escaped", "control characters", "signs"],
)
def test_folders(tmp_path: Path, partition_by: str, row: tuple[object, ...], folder: str) -> None:
    assert find_folder(tmp_path, partition_by, row) == folder


def test_equal_doubles_that_are_written_differently_have_folders_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "things.toml"
    text = CONTRACT.format(partition_by='kind = "number"').replace('"label"', '"number"').replace("string", "double")
    path.write_text(text)
    find = compile_partition(load_contract(path))

    assert [find((1, 0.0)), find((1, -0.0)), find((1, 0.0))] == ["kind=0.0/", "kind=-0.0/", "kind=0.0/"]


def test_what_only_spark_can_compute_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"lake\.partition_by\.kind"):
        find_folder(tmp_path, 'kind = "soundex(label)"', (1, "a"))
