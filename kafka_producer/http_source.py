"""Sources behind HTTP: a document, which is replayed like the file that it is, and a feed, which is polled."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import requests
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from kafka_producer.byte_source import CHUNK_BYTES, IDLE_S, FileSource, open_file
from kafka_producer.parquet_source import ParquetSource, open_parquet
from kafka_producer.source import Source, SourceFormat
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.model import Contract

# Where it stands in an address, the address is that of a feed.
OFFSET = "{offset}"
POLL_S = 1.0
_TIMEOUT_S = 30.0
_PATIENCE_S = 60.0
_LINE_BREAK = re.compile(r"[ \t]*[\r\n]+[ \t]*")
_BETWEEN = re.compile(r"[\s,]*")


class _Unavailable(ServiceError):
    """An answer that may be another one later."""


@dataclass(frozen=True)
class HttpFeed:
    """Rows that a service hands out in an order that stays: those after the first n, for any n; it has no end.

    It is known by its address, so that a restart goes on after the rows that were committed.
    """

    path: str
    format: SourceFormat = "jsonl"
    size: None = None

    @property
    def name(self) -> str:
        """The last part of the address's path, or its host."""
        return _name_address(self.path)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the address."""
        return hashlib.sha256(self.path.encode()).hexdigest()

    def open_chunks(self) -> Iterator[bytes]:
        """All rows from the first one, a line of JSON each, for ever."""
        return self.open_chunks_after(0)

    def open_chunks_after(self, rows: int) -> Iterator[bytes]:
        """The rows after so many, a line of JSON each, for ever; an empty chunk while there is no new one."""
        offset = rows
        with requests.Session() as session:
            while True:
                address = self.path.replace(OFFSET, str(offset))
                lines = split_rows(_get(session, address).content, address)
                offset += len(lines)
                yield "".join(f"{line}\n" for line in lines).encode()
                asked_s = time.monotonic()
                while not lines and time.monotonic() < asked_s + POLL_S:
                    time.sleep(IDLE_S)
                    yield b""


def open_http(contract: Contract, address: str) -> Source:
    """The feed of an address with `{offset}`, or the document of any other, downloaded once.

    `ConfigurationError` for an address that holds a password, which would stand in every row's passport.
    """
    if urlsplit(address).password or urlsplit(address).username:
        raise ConfigurationError(
            "an address with a user or a password: they would be kept in the topic; leave them out"
        )
    return HttpFeed(address) if OFFSET in address else _open_document(contract, address)


def _open_document(contract: Contract, address: str) -> Source:
    # It is read twice, for its fingerprint and for its rows: two downloads might differ.
    folder = tempfile.TemporaryDirectory(prefix="millrace-")
    name = _name_address(address)
    local = Path(folder.name) / name
    _download(address, local)
    opener = open_parquet if local.suffix == ".parquet" else open_file
    source: FileSource | ParquetSource = replace(opener(contract, str(local)), path=address, name=name)
    weakref.finalize(source, folder.cleanup)
    return source


def split_rows(body: bytes, address: str) -> list[str]:
    """The objects of a body, JSON lines or an array, each as it stands there, on one line."""
    try:
        text = body.decode().strip()
        text = text[1:-1] if text.startswith("[") and text.endswith("]") else text
        rows, at, decoder = list[str](), 0, json.JSONDecoder()
        while (at := _BETWEEN.match(text, at).end()) < len(text):  # type: ignore[union-attr]
            end = decoder.raw_decode(text, at)[1]
            # A line break within an object is white space: in a text it would be escaped.
            rows.append(_LINE_BREAK.sub(" ", text[at:end]))
            at = end
    except ValueError as error:
        raise ServiceError(f"{address}: the answer is neither JSON lines nor an array: {error}") from error
    return rows


def _name_address(address: str) -> str:
    parts = urlsplit(address)
    return PurePosixPath(parts.path).name or parts.hostname or address


def _download(address: str, path: Path) -> None:
    with requests.Session() as session, _get(session, address) as answer, path.open("wb") as file:
        try:
            for chunk in answer.iter_content(CHUNK_BYTES):
                file.write(chunk)
        except requests.RequestException as error:
            raise ServiceError(f"{address}: the download broke off: {error}") from error


@retry(
    retry=retry_if_exception_type(_Unavailable),
    wait=wait_exponential(multiplier=0.2, max=5),
    stop=stop_after_delay(_PATIENCE_S),
    reraise=True,
)
def _get(session: requests.Session, address: str) -> requests.Response:
    """The answer to a GET; `ServiceError` where there is none for a minute, at once for what is refused."""
    try:
        answer = session.get(address, timeout=_TIMEOUT_S, stream=True)
    except requests.RequestException as error:
        raise _Unavailable(f"{address}: cannot be reached: {error}") from error
    if answer.status_code >= 500 or answer.status_code == 429:
        raise _Unavailable(f"{address}: answers {answer.status_code} {answer.reason}")
    if not answer.ok:
        raise ConfigurationError(f"{address}: answers {answer.status_code} {answer.reason}")
    return answer
