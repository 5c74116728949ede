"""Canary values, and whether any of them stands in bytes: as text, in hexadecimal, in base64, or in what decompresses."""

from __future__ import annotations

import base64
import gzip
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import lz4.block
import pyarrow.parquet as pq

# Long enough to be found wherever they are cut to what a reason shows.
MAIL, PHONE, PERSON, BIRTHDAY = "kanarimail", "94177022", "Kanariperson", "1911-11-23"
PERSONAL = (MAIL, PHONE, PERSON, BIRTHDAY)
# A value of a column without protection, which must be found where the others must not be.
OPEN = "openmarker"
SECRETS = {
    "MILLRACE_SPARK__PROTECT_KEY": "canary-protect-0f3a61c2",
    "MILLRACE_SPARK__RAW_KEY": "canary-raw-key-77d15b0e9c42486fb1a0d2e3",
    "MILLRACE_KAFKA__SASL_PASSWORD": "canary-sasl-51e0aa93",
    "MILLRACE_KAFKA__SCHEMA_REGISTRY_PASSWORD": "canary-registry-2b7d",
    "MILLRACE_WAREHOUSE__PRIVATE_KEY_PASSPHRASE": "canary-passphrase-9c1f",
}
_LZ4_MAGIC = b"LZ4Block"
_LZ4_HEADER = len(_LZ4_MAGIC) + 13


def find_canaries(places: Iterable[tuple[str, bytes]], canaries: Iterable[str]) -> set[tuple[str, str]]:
    """Each canary that stands in a place, with the place's name."""
    wanted = {canary: tuple(write_variants(canary)) for canary in canaries}
    return {
        (canary, name)
        for name, body in places
        for part in unpack(body)
        for canary, variants in wanted.items()
        if any(variant in part for variant in variants)
    }


def write_variants(canary: str) -> Iterator[bytes]:
    """The bytes as which a text may stand somewhere."""
    plain = canary.encode()
    yield plain
    yield canary.encode("utf-16-le")
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    # What stands before it decides how base64 cuts it; the digits at both ends depend on the neighbours.
    for before in range(3):
        digits = base64.b64encode(b"\0" * before + plain)
        yield digits[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]


def unpack(body: bytes) -> Iterator[bytes]:
    """The bytes, and what they hold: the values of a Parquet file, the files of an archive, compressed blocks."""
    yield body
    if body.startswith(b"PAR1"):
        yield repr(pq.read_table(io.BytesIO(body)).to_pydict()).encode()
        yield "".join(str(value) for column in pq.read_table(io.BytesIO(body)).columns for value in column).encode()
    elif body.startswith(b"\x1f\x8b"):
        yield gzip.decompress(body)
    elif body.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                yield from unpack(archive.read(name))
    elif _LZ4_MAGIC in body:
        yield b"".join(read_lz4_blocks(body))


def read_lz4_blocks(body: bytes) -> Iterator[bytes]:
    """The blocks of a stream as Spark's lz4 codec writes it."""
    at = body.index(_LZ4_MAGIC)
    while body.startswith(_LZ4_MAGIC, at) and len(body) >= at + _LZ4_HEADER:
        is_raw = body[at + 8] & 0xF0 == 0x10
        packed, size = (int.from_bytes(body[at + n : at + n + 4], "little") for n in (9, 13))
        block = body[at + _LZ4_HEADER : at + _LZ4_HEADER + packed]
        if size:
            yield block if is_raw else lz4.block.decompress(block, uncompressed_size=size)
        at += _LZ4_HEADER + packed


def read_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder but Java's code, by its path."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".jar":
            yield str(path.relative_to(folder)), path.read_bytes()


def read_texts(texts: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Texts by name, as bytes."""
    for name, text in texts.items():
        yield name, text.encode()
