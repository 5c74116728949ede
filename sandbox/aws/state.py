"""Mirrors moto's S3, SQS, DynamoDB, Glue and Athena models, which live in memory, in one SQLite file, and brings them back."""

from __future__ import annotations

import pickle
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition
from typing import Any

import moto
from moto.s3.models import FakeBucket, FakeKey, MultipartDict, S3Backend, s3_backends
from moto.s3.utils import _VersionedKeyStore
from moto.sqs.models import Queue, sqs_backends

from pipeline_contract.errors import ConfigurationError
from sandbox.aws.catalog_state import Place, pack_catalogs, restore_catalog
from sandbox.aws.table_state import TableMirror

FILE_NAME = "state.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, config BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS objects
    (bucket TEXT NOT NULL, name TEXT NOT NULL, head BLOB NOT NULL, body BLOB NOT NULL, PRIMARY KEY (bucket, name));
CREATE TABLE IF NOT EXISTS queues
    (region TEXT NOT NULL, name TEXT NOT NULL, config BLOB NOT NULL, PRIMARY KEY (region, name));
CREATE TABLE IF NOT EXISTS messages
    (position INTEGER PRIMARY KEY AUTOINCREMENT, region TEXT NOT NULL, queue TEXT NOT NULL, id TEXT NOT NULL,
     message BLOB NOT NULL, UNIQUE (region, queue, id));
CREATE TABLE IF NOT EXISTS catalogs
    (service TEXT NOT NULL, region TEXT NOT NULL, content BLOB NOT NULL, PRIMARY KEY (service, region));
"""
BUCKET_CONTENT = frozenset({"keys", "multiparts"})
QUEUE_CONTENT = frozenset(
    {
        "_messages",
        "_pending_messages",
        "_messages_lock",
        "deleted_messages",
        "dead_letter_queue",
        "lambda_event_source_mappings",
    }
)
QueueName = tuple[str, str]


class Mirror:
    """The state of one AWS account on disk; changes are saved inside `commit_together`."""

    def __init__(self, folder: Path, account_id: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.account_id = account_id
        self.path = folder / FILE_NAME
        self.known_messages: dict[QueueName, set[str]] = {}
        self.known_queues: dict[QueueName, bytes] = {}
        self.known_catalogs: dict[Place, bytes] = {}
        self.database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        # Objects are large, and fewer pages are written faster.
        self.database.execute("PRAGMA page_size = 65536")
        # Without a wait for the disk a commit survives the end of the process, which is what the sandbox promises.
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = OFF")
        self.database.executescript(SCHEMA)
        self.tables = TableMirror(self.database, account_id)
        self._check_version()

    @contextmanager
    def commit_together(self) -> Iterator[None]:
        """Save all or nothing: S3 never keeps an object and loses its event."""
        self.database.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.database.execute("ROLLBACK")
            raise
        self.database.execute("COMMIT")

    def close(self) -> None:
        """Give the file back, all in one piece."""
        self.database.close()

    def load(self) -> None:
        """Bring everything back into moto's models, which must be empty."""
        backend = self._backend()
        for name, config in self.database.execute("SELECT name, config FROM buckets"):
            backend.buckets[name] = restore_bucket(name, config)
        for bucket, name, head, body in self.database.execute("SELECT bucket, name, head, body FROM objects"):
            key, tags = restore_object(head, body)
            backend.buckets[bucket].keys[name] = key
            backend.put_object_tagging(key, tags)
        for region, name, config in self.database.execute("SELECT region, name, config FROM queues"):
            queues(self.account_id, region)[name] = restore_queue(config)
            self.known_queues[region, name] = config
            self.known_messages[region, name] = set()
        for region, name, identity, message in self.database.execute(
            "SELECT region, queue, id, message FROM messages ORDER BY position"
        ):
            queues(self.account_id, region)[name]._messages.append(unpack(message))
            self.known_messages[region, name].add(identity)
        for region, name in self.known_queues:
            queue = queues(self.account_id, region)[name]
            if queue.redrive_policy:
                queue._setup_dlq(queue.redrive_policy)
        for service, region, content in self.database.execute("SELECT service, region, content FROM catalogs"):
            restore_catalog(self.account_id, (service, region), content)
            self.known_catalogs[service, region] = content
        self.tables.load()

    def save_object(self, bucket_name: str, name: str) -> None:
        """Save an object as it is now; one that is gone, or hidden by a delete marker, is removed."""
        bucket = self._backend().buckets.get(bucket_name)
        key = bucket.keys.get(name) if bucket is not None else None
        if not isinstance(key, FakeKey):
            self.database.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket_name, name))
            return
        head, body = pack_object(key, self._backend().tagger.get_tag_dict_for_resource(key.arn))
        self.database.execute("REPLACE INTO objects VALUES (?, ?, ?, ?)", (bucket_name, name, head, body))

    def save_bucket(self, name: str) -> None:
        """Save a bucket's configuration; for a bucket that is gone, remove it and all that was in it."""
        bucket = self._backend().buckets.get(name)
        if bucket is None:
            self._write(
                [("DELETE FROM objects WHERE bucket = ?", (name,)), ("DELETE FROM buckets WHERE name = ?", (name,))]
            )
            return
        config = {key: value for key, value in vars(bucket).items() if key not in BUCKET_CONTENT}
        self.database.execute("REPLACE INTO buckets VALUES (?, ?)", (name, pack(config)))

    def save_buckets(self) -> None:
        """Save the buckets that came or went otherwise than by a request to S3, as those of a stack do."""
        saved = {name for (name,) in self.database.execute("SELECT name FROM buckets")}
        for name in self._backend().buckets.keys() ^ saved:
            self.save_bucket(name)

    def forget_deleted_objects(self, bucket_name: str) -> None:
        """Remove all objects of a bucket that moto no longer has, as a request that deletes many leaves them."""
        present = self._backend().buckets[bucket_name].keys
        saved = self.database.execute("SELECT name FROM objects WHERE bucket = ?", (bucket_name,)).fetchall()
        gone = [name for (name,) in saved if not isinstance(present.get(name), FakeKey)]
        self._write([("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket_name, name)) for name in gone])

    def save_queues(self) -> None:
        """Save the difference between the queues and messages now and when they were last saved."""
        now = {
            (region, name): queue
            for region in list(sqs_backends[self.account_id])
            for name, queue in queues(self.account_id, region).items()
        }
        writes: list[tuple[str, tuple[Any, ...]]] = []
        for region, name in self.known_queues.keys() - now.keys():
            writes.append(("DELETE FROM messages WHERE region = ? AND queue = ?", (region, name)))
            writes.append(("DELETE FROM queues WHERE region = ? AND name = ?", (region, name)))
            del self.known_queues[region, name], self.known_messages[region, name]
        for (region, name), queue in now.items():
            writes += self._list_queue_changes(region, name, queue)
        self._write(writes)

    def save_catalogs(self) -> None:
        """Save the Glue catalog, the crawlers and the workgroups of every region in which they have changed."""
        for place, content in pack_catalogs(self.account_id):
            if self.known_catalogs.get(place) != content:
                self.known_catalogs[place] = content
                self.database.execute("REPLACE INTO catalogs VALUES (?, ?, ?)", (*place, content))

    def _list_queue_changes(self, region: str, name: str, queue: Queue) -> Iterable[tuple[str, tuple[Any, ...]]]:
        config = pack({key: value for key, value in vars(queue).items() if key not in QUEUE_CONTENT})
        if self.known_queues.get((region, name)) != config:
            self.known_queues[region, name] = config
            yield "REPLACE INTO queues VALUES (?, ?, ?)", (region, name, config)
        known = self.known_messages.setdefault((region, name), set())
        messages = {message.id: message for message in queue._messages}
        for identity in known - messages.keys():
            yield "DELETE FROM messages WHERE region = ? AND queue = ? AND id = ?", (region, name, identity)
        for identity in [identity for identity in messages if identity not in known]:
            insert = "INSERT INTO messages (region, queue, id, message) VALUES (?, ?, ?, ?)"
            yield insert, (region, name, identity, pack(messages[identity]))
        self.known_messages[region, name] = set(messages)

    def _write(self, writes: list[tuple[str, tuple[Any, ...]]]) -> None:
        for statement, values in writes:
            self.database.execute(statement, values)

    def _backend(self) -> S3Backend:
        return s3_backends[self.account_id]["aws"]

    def _check_version(self) -> None:
        self.database.execute("INSERT OR IGNORE INTO facts VALUES ('moto', ?)", (moto.__version__,))
        (saved,) = self.database.execute("SELECT value FROM facts WHERE name = 'moto'").fetchone()
        if saved != moto.__version__:
            raise ConfigurationError(
                f"{self.path} was written by moto {saved}, but moto {moto.__version__} is installed: "
                f"install moto {saved}, or start from nothing with `python -m sandbox reset`"
            )


def queues(account_id: str, region: str) -> dict[str, Queue]:
    """The queues of one region by name, as moto holds them."""
    found: dict[str, Queue] = sqs_backends[account_id][region].queues
    return found


def pack(value: object) -> bytes:
    """Bytes that `unpack` turns into an equal value."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(packed: bytes) -> Any:
    """The value that was packed; the bytes come from the user's own state folder alone."""
    return pickle.loads(packed)  # noqa: S301


def create_blank(kind: type[Any]) -> Any:
    """An instance whose attributes are yet to be filled in; moto's own initialisation would stamp it anew."""
    return object.__new__(kind)


def pack_object(key: FakeKey, tags: dict[str, str]) -> tuple[bytes, bytes]:
    """An object's head (ETag, times, metadata, tags) and body; the parts it was once uploaded in are left out."""
    assert key.etag  # noqa: S101 - moto computes it late, and it must be part of the head
    state = {**key.__getstate__(), "multipart": None}
    body = state.pop("value")
    return pack((state, tags)), body


def restore_object(head: bytes, body: bytes) -> tuple[FakeKey, dict[str, str]]:
    """The object as it was when it was packed, its modification time included, and its tags."""
    state, tags = unpack(head)
    key: FakeKey = create_blank(FakeKey)
    key.__setstate__({**state, "value": body})
    return key, tags


def restore_bucket(name: str, config: bytes) -> FakeBucket:
    """An empty bucket with the configuration that was packed."""
    bucket: FakeBucket = create_blank(FakeBucket)
    vars(bucket).update(unpack(config), keys=_VersionedKeyStore(), multiparts=MultipartDict())
    s3_backends.bucket_accounts[name] = (bucket.partition, bucket.account_id)
    return bucket


def restore_queue(config: bytes) -> Queue:
    """A queue with the attributes that were packed, and no message yet."""
    queue: Queue = create_blank(Queue)
    vars(queue).update(
        unpack(config),
        _messages=[],
        _pending_messages=set(),
        _messages_lock=Condition(),
        deleted_messages=set(),
        dead_letter_queue=None,
        lambda_event_source_mappings={},
    )
    return queue
