"""What the producer reads: the protocol of a source, and how the built-in ones and those of others are found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import PurePath
from typing import Literal, Protocol, runtime_checkable
from urllib.parse import urlsplit

from pipeline_contract.extensions import list_extensions
from pipeline_contract.model import Contract

# Other packages offer sources under this group; the name is the scheme of an address, or the ending of a file's name.
ENTRY_POINTS = "millrace.sources"
STANDARD_INPUT = "-"
BUILT_IN = {
    STANDARD_INPUT: "kafka_producer.byte_source:open_input",
    "file": "kafka_producer.byte_source:open_file",
    "parquet": "kafka_producer.parquet_source:open_parquet",
    "http": "kafka_producer.http_source:open_http",
    "https": "kafka_producer.http_source:open_http",
}

SourceFormat = Literal["csv", "jsonl"]


class Source(Protocol):
    """Rows as bytes: CSV in the contract's dialect, or JSON lines, the same bytes each time that they are read."""

    @property
    def path(self) -> str:
        """The address by which it is found again, without any secret; it stands in the progress topic."""
        ...

    @property
    def name(self) -> str:
        """Its short name, which every row carries in `_source_file`."""
        ...

    @property
    def format(self) -> SourceFormat:
        """What its bytes are."""
        ...

    @property
    def fingerprint(self) -> str | None:
        """SHA-256 of its content, by which a replay goes on; of its address where it grows; None: by the replay id alone."""
        ...

    @property
    def size(self) -> int | None:
        """Its bytes as it lies there; None for one that has no end, or that cannot be read again."""
        ...

    def open_chunks(self) -> Iterator[bytes]:
        """Its bytes from the beginning; an empty chunk, every second or so, says that nothing new has come."""
        ...


@runtime_checkable
class SeekableSource(Source, Protocol):
    """A source of JSON lines, each of them one row, that need not be read from its beginning to go on."""

    def open_chunks_after(self, rows: int) -> Iterator[bytes]:
        """Its bytes after so many rows."""
        ...


OpenSource = Callable[[Contract, str], Source]


def list_sources() -> dict[str, EntryPoint]:
    """Every kind of source by name; one of another package cannot take the place of a built-in one."""
    return list_extensions(ENTRY_POINTS, BUILT_IN)


def find_source(contract: Contract, address: str) -> Source:
    """The source at an address: by its scheme, or by its file's ending; any other file is read as the contract says.

    `ConfigurationError` when there is none, or it cannot be read.
    """
    known = list_sources()
    kind = address if address == STANDARD_INPUT else name_kind(address)
    opener: OpenSource = known.get(kind, known["file"]).load()
    return opener(contract, address)


def name_kind(address: str) -> str:
    """The scheme of an address, or the ending of a file's name."""
    return urlsplit(address).scheme if "://" in address else PurePath(address).suffix.removeprefix(".").lower()
