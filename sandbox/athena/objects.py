"""The S3 objects of a table or partition, as a query or a crawler comes upon them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True)
class StoredObject:
    """One object and its bytes."""

    key: str
    body: bytes


class ObjectStore(Protocol):
    """The emulated S3; every call sees it as it is at that moment."""

    def list_objects(self, bucket: str, prefix: str) -> list[StoredObject]:
        """The objects under a prefix, in the order of their keys; none where there is no bucket."""

    def put_object(self, bucket: str, key: str, body: bytes) -> bool:
        """Put an object; False where there is no such bucket."""


def split_location(location: str) -> tuple[str, str]:
    """Bucket and prefix of an `s3://` address; the prefix ends in a slash, so that it covers no longer name."""
    parts = urlsplit(location)
    prefix = parts.path.strip("/")
    return parts.netloc, f"{prefix}/" if prefix else ""


def list_visible(store: ObjectStore, location: str) -> Iterator[StoredObject]:
    """The objects below a location, without empty ones and those that Athena and crawlers skip.

    Those are the ones of which the name, or a folder below the location, begins with _ or a dot:
    docs.aws.amazon.com/athena/latest/ug/tables-location-format.html
    """
    bucket, prefix = split_location(location)
    for found in store.list_objects(bucket, prefix):
        parts = found.key.removeprefix(prefix).split("/")
        if found.body and not any(part.startswith(("_", ".")) for part in parts):
            yield found
