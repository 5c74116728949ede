"""Where bytes come from: a plain file, gzip, zip, or standard input, as a stream of chunks."""

from __future__ import annotations

import hashlib
import os
import select
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from kafka_producer.source import STANDARD_INPUT, SourceFormat
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract

CHUNK_BYTES = 256 * 1024
# Standard input is asked this often, so that rows that have come are committed while the next ones are awaited.
IDLE_S = 0.2
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True)
class SourceFile:
    """A file as it lay there when it was fingerprinted: its SHA-256, size and time of change."""

    path: Path
    fingerprint: str
    size: int
    changed_ns: int


@dataclass(frozen=True)
class FileSource:
    """A file of rows, plain, gzip or zip, which must not change while it is read."""

    file: SourceFile
    path: str
    name: str
    format: SourceFormat

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file as it lies there."""
        return self.file.fingerprint

    @property
    def size(self) -> int:
        """The file's bytes as it lies there."""
        return self.file.size

    def open_chunks(self) -> Iterator[bytes]:
        """The file's bytes, decompressed; at its end it must still be what was fingerprinted."""
        yield from open_file_chunks(self.file.path)
        check_unchanged(self.file)


@dataclass(frozen=True)
class InputSource:
    """Standard input, which is known by the replay id alone and cannot be read again."""

    format: SourceFormat
    path: str = STANDARD_INPUT
    name: str = STANDARD_INPUT
    fingerprint: None = None
    size: None = None

    def open_chunks(self) -> Iterator[bytes]:
        """What comes, as it comes."""
        return open_input_chunks(sys.stdin.fileno())


def open_file(contract: Contract, address: str) -> FileSource:
    """The file at a path, in the contract's source format."""
    file = fingerprint_file(Path(address))
    return FileSource(file, str(file.path.resolve()), file.path.name, contract.source.format)


def open_input(contract: Contract, _: str) -> InputSource:
    """Standard input, in the contract's source format."""
    return InputSource(contract.source.format)


def fingerprint_file(path: Path) -> SourceFile:
    """Read a file once for its SHA-256; `ConfigurationError` for a missing, unreadable or empty one, or a folder."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    if status.st_size == 0:
        raise ConfigurationError(f"{path}: is empty: not even a header stands in it")
    return SourceFile(path, digest, status.st_size, status.st_mtime_ns)


def check_unchanged(source: SourceFile) -> None:
    """Raise `ConfigurationError` when the file is no longer what was fingerprinted."""
    try:
        status = source.path.stat()
    except OSError as error:
        raise ConfigurationError(f"{source.path}: went away while it was replayed: {error.strerror}") from error
    if (status.st_size, status.st_mtime_ns) != (source.size, source.changed_ns):
        raise ConfigurationError(
            f"{source.path}: changed while it was replayed ({source.size} bytes at the start, {status.st_size} now): "
            "the rows sent so far stand in the topic; replay a file that nobody writes to"
        )


def open_file_chunks(path: Path) -> Iterator[bytes]:
    """The file's bytes, decompressed where gzip or zip, in chunks; memory does not grow with it."""
    with path.open("rb") as file:
        magic = file.read(len(ZIP_MAGIC))
        file.seek(0)
        if magic.startswith(GZIP_MAGIC):
            yield from inflate_chunks(read_chunks(file), str(path))
        elif magic == ZIP_MAGIC:
            yield from read_zip_chunks(path)
        else:
            yield from read_chunks(file)


def read_chunks(file: BinaryIO) -> Iterator[bytes]:
    """A file's bytes in chunks."""
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def open_input_chunks(descriptor: int) -> Iterator[bytes]:
    """Standard input in chunks as they come, gunzipped where gzip; an empty chunk says that nothing came for a while."""
    chunks = poll_chunks(descriptor)
    head = b""
    while len(head) < len(ZIP_MAGIC):
        chunk = next(chunks, None)
        if chunk is None:
            break
        head += chunk
        if not chunk:
            yield b""
    if head.startswith(ZIP_MAGIC):
        raise ConfigurationError("standard input: is a zip file, which cannot be read as a stream: give its file name")
    rest = prepend_chunk(head, chunks)
    yield from inflate_chunks(rest, "standard input") if head.startswith(GZIP_MAGIC) else rest


def poll_chunks(descriptor: int) -> Iterator[bytes]:
    """What comes through a descriptor, in chunks; an empty one whenever nothing has come for `IDLE_S`."""
    while True:
        ready, _, _ = select.select([descriptor], [], [], IDLE_S)
        if not ready:
            yield b""
            continue
        chunk = os.read(descriptor, CHUNK_BYTES)
        if not chunk:
            return
        yield chunk


def prepend_chunk(head: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks with one put before them."""
    if head:
        yield head
    yield from chunks


def inflate_chunks(chunks: Iterator[bytes], name: str) -> Iterator[bytes]:
    """Gunzip a stream of one or several members; `ConfigurationError` where it is damaged or ends early."""
    inflater = zlib.decompressobj(wbits=31)
    total = 0
    for chunk in chunks:
        data = chunk
        if not data:
            yield b""
        while data:
            try:
                piece = inflater.decompress(data, CHUNK_BYTES)
            except zlib.error as error:
                raise ConfigurationError(f"{name}: the gzip stream is damaged after {total} bytes: {error}") from error
            total += len(piece)
            if piece:
                yield piece
            data = inflater.unconsumed_tail
            if inflater.eof:
                # Zero bytes may pad the end of a member; anything else begins another one.
                data = inflater.unused_data.lstrip(b"\0")
                inflater = zlib.decompressobj(wbits=31)
                total = total if data else 0
                finished = True
            else:
                finished = False
    if not finished:
        raise ConfigurationError(f"{name}: the gzip stream ends early, after {total} bytes: the file is incomplete")


def read_zip_chunks(path: Path) -> Iterator[bytes]:
    """The one file inside a zip; `ConfigurationError` when there is not exactly one, or it is damaged or encrypted."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
            if len(names) != 1:
                found = ", ".join(names[:5]) or "none"
                raise ConfigurationError(f"{path}: a zip file must hold exactly one file, found {len(names)}: {found}")
            with archive.open(names[0]) as member:
                while chunk := member.read(CHUNK_BYTES):
                    yield chunk
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise ConfigurationError(f"{path}: the zip file cannot be read: {error}") from error
