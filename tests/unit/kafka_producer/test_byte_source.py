"""Plain files, gzip, zip and pipes as one stream of bytes."""

from __future__ import annotations

import gzip
import hashlib
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from kafka_producer.byte_source import check_unchanged, fingerprint_file, open_file_chunks, open_input_chunks
from pipeline_contract.errors import ConfigurationError

DATA = b"id,name,value\n" + b"".join(b"%d,some name,%d\n" % (n, n * n) for n in range(100_000))


def write_zip(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


class Good(NamedTuple):
    name: str
    write: Callable[[Path], object]


GOOD = [
    Good("plain", lambda path: path.write_bytes(DATA)),
    Good("gzip", lambda path: path.write_bytes(gzip.compress(DATA))),
    Good("gzip of two members", lambda path: path.write_bytes(gzip.compress(DATA[:1000]) + gzip.compress(DATA[1000:]))),
    Good("gzip with padding", lambda path: path.write_bytes(gzip.compress(DATA) + b"\0" * 512)),
    Good("zip", lambda path: write_zip(path, **{"a.csv": DATA})),
    Good("zip with a folder", lambda path: write_zip(path, **{"a/": b"", "a/b.csv": DATA, "__MACOSX/x": b"?"})),
]


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.name)
def test_a_file_is_read_as_it_is(case: Good, tmp_path: Path) -> None:
    path = tmp_path / "file"
    case.write(path)
    assert b"".join(open_file_chunks(path)) == DATA


class Bad(NamedTuple):
    name: str
    write: Callable[[Path], object]
    words: str


BAD = [
    Bad("cut gzip", lambda path: path.write_bytes(gzip.compress(DATA)[:-500]), "ends early"),
    Bad("damaged gzip", lambda path: path.write_bytes(gzip.compress(DATA)[:5000] + b"?" * 99), "damaged|ends early"),
    Bad("wrong checksum", lambda path: path.write_bytes(gzip.compress(DATA)[:-8] + b"????????"), "damaged"),
    Bad("two files in a zip", lambda path: write_zip(path, a=DATA, b=DATA), "exactly one file, found 2: a, b"),
    Bad("empty zip", lambda path: path.write_bytes(b"PK\x03\x04 nothing"), "cannot be read"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.name)
def test_a_damaged_file_is_named(case: Bad, tmp_path: Path) -> None:
    path = tmp_path / "file"
    case.write(path)
    with pytest.raises(ConfigurationError, match=case.words) as raised:
        b"".join(open_file_chunks(path))
    assert str(path) in str(raised.value)


def test_a_fingerprint_is_that_of_the_file_as_it_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    source = fingerprint_file(path)
    assert (source.fingerprint, source.size) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    check_unchanged(source)
    path.write_bytes(DATA + b"more")
    with pytest.raises(ConfigurationError, match="changed while it was replayed"):
        check_unchanged(source)
    path.unlink()
    with pytest.raises(ConfigurationError, match="went away"):
        check_unchanged(source)


@pytest.mark.parametrize("kind", ["missing", "folder", "empty"])
def test_what_is_no_file_to_read_is_named(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if kind == "folder":
        path.mkdir()
    if kind == "empty":
        path.touch()
    with pytest.raises(ConfigurationError, match=str(path)):
        fingerprint_file(path)


@pytest.mark.parametrize("data", [DATA, gzip.compress(DATA), b"", b"x"], ids=["plain", "gzip", "nothing", "a byte"])
def test_standard_input_is_read_as_it_comes(data: bytes) -> None:
    reader, writer = os.pipe()
    begun = threading.Event()

    def feed() -> None:
        begun.wait()  # the reader has said that nothing is there
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)

    thread = threading.Thread(target=feed)
    thread.start()
    read = []
    for chunk in open_input_chunks(reader):
        read.append(chunk)
        if not chunk:
            begun.set()
    thread.join()
    os.close(reader)
    assert read[0] == b""
    assert b"".join(read) == (DATA if data.startswith(b"\x1f\x8b") else data)


def test_a_zip_on_standard_input_is_refused(tmp_path: Path) -> None:
    write_zip(tmp_path / "z", a=DATA)
    with (tmp_path / "z").open("rb") as file, pytest.raises(ConfigurationError, match="zip file"):
        list(open_input_chunks(file.fileno()))
