"""Buffers records by size and time, and delivers them; what waits is on disk before a put is answered."""

from __future__ import annotations

import gzip
import json
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Condition, Thread
from typing import Any

from sandbox.firehose.faults import Faults, StreamState
from sandbox.firehose.partitioning import NotPlaced, build_error_record, extract_keys
from sandbox.firehose.prefixes import build_suffix, evaluate_error_prefix, evaluate_prefix
from sandbox.firehose.record_store import Buffered, BufferId, Part, RecordStore
from sandbox.firehose.streams import DeliveryStream

RETRY_S = 1.0
# The partition of records that have none; the others' names are lists in JSON.
FAILED = "failed"
PutObject = Callable[[str, str, bytes], bool]


class Delivery:
    """The streams of the account and the thread that empties their buffers.

    `put_object` says whether there is such a bucket. An object is written before its records are forgotten, so that an end
    in between delivers them again: Firehose promises at least once.
    """

    def __init__(self, store: RecordStore, put_object: PutObject) -> None:
        self._store = store
        self._put_object = put_object
        self._changed = Condition()
        self._streams = {stream.name: stream for stream in store.load_streams()}
        self._states = {name: StreamState(Faults()) for name in self._streams}
        self._buffers = dict(store.count_all())
        self._closing = False
        self._thread = Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def close(self) -> None:
        """End after the object in hand; what waits stays on disk."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        self._store.close()

    def find(self, name: str) -> DeliveryStream | None:
        """A stream by its name."""
        return self._streams.get(name)

    def list_names(self) -> list[str]:
        """The names of all streams, in order."""
        return sorted(self._streams)

    def save(self, stream: DeliveryStream) -> None:
        """Keep a stream in the place of the one of its name."""
        with self._changed:
            self._store.save_stream(stream)
            self._streams[stream.name] = stream
            self._states.setdefault(stream.name, StreamState(Faults()))
            self._changed.notify_all()

    def delete(self, name: str) -> None:
        """Forget a stream and what waits in it."""
        with self._changed:
            self._store.delete_stream(name)
            del self._streams[name], self._states[name]
            self._buffers = {buffer: waiting for buffer, waiting in self._buffers.items() if buffer.stream != name}

    def put(self, stream: DeliveryStream, records: Sequence[bytes]) -> list[str | None]:
        """Take records for delivery; their ids, None for one that an ordered fault refuses."""
        with self._changed:
            faults = self._states[stream.name].faults
            ids = [None if faults.take_failure() else _draw_id() for _ in records]
            arrived_s = time.time()
            taken = [
                _place(stream, data, arrived_s, identity)
                for data, identity in zip(records, ids, strict=True)
                if identity
            ]
            self._store.add(stream.name, arrived_s, taken)
            for partition, data in taken:
                self._account(BufferId(stream.name, partition), len(data), arrived_s)
            self._changed.notify_all()
        return ids

    def order_faults(self, name: str, faults: dict[str, Any]) -> None:
        """Change what goes wrong next with a stream; raises pydantic's `ValidationError` for what is no fault."""
        with self._changed:
            state = self._states[name]
            state.faults = Faults.model_validate(state.faults.model_dump() | faults)
            self._changed.notify_all()

    def describe_states(self) -> dict[str, dict[str, Any]]:
        """How each stream fares."""
        with self._changed:
            return {name: self._describe_state(name) for name in self.list_names()}

    def _describe_state(self, name: str) -> dict[str, Any]:
        waiting = [found for buffer, found in self._buffers.items() if buffer.stream == name]
        state = self._states[name]
        return {
            "pending_records": sum(found.records for found in waiting),
            "pending_bytes": sum(found.size_bytes for found in waiting),
            "delivered_objects": state.delivered_objects,
            "failure": state.failure,
            "faults": state.faults.model_dump(),
        }

    def _account(self, buffer: BufferId, size_bytes: int, arrived_s: float) -> None:
        known = self._buffers.get(buffer, Buffered(0, 0, arrived_s))
        self._buffers[buffer] = Buffered(known.records + 1, known.size_bytes + size_bytes, known.oldest_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._closing:
                    return
                due = {buffer: self._find_due_s(buffer) for buffer in self._buffers}
                buffer = min(due, key=due.__getitem__, default=None)
                if buffer is None or due[buffer] > time.time():
                    self._changed.wait(_limit_wait(due[buffer] - time.time()) if buffer else None)
                    continue
                stream = self._streams[buffer.stream]
            self._deliver(stream, buffer)

    def _find_due_s(self, buffer: BufferId) -> float:
        """When a buffer is to be delivered; a held one never."""
        destination, state = self._streams[buffer.stream].destination, self._states[buffer.stream]
        waiting = self._buffers[buffer]
        if state.faults.hold:
            return float("inf")
        is_full = waiting.size_bytes >= destination.size_bytes
        return max(state.retry_s, 0.0 if is_full else waiting.oldest_s + destination.interval_s)

    def _deliver(self, stream: DeliveryStream, buffer: BufferId) -> None:
        part = self._store.read_part(buffer, stream.destination.size_bytes)
        delivered = 0 if part is None else self._write_objects(stream, buffer, part)
        with self._changed:
            state = self._states.get(stream.name)
            if state is None:
                return
            if part is not None and not delivered:
                self._tell_failure(state, stream)
                return
            if part is not None:
                self._store.remove_part(buffer, part)
            state.delivered_objects += delivered
            state.failure, state.retry_s = None, 0.0
            waiting = self._store.count(buffer)
            if waiting is None:
                self._buffers.pop(buffer, None)
            else:
                self._buffers[buffer] = waiting

    def _write_objects(self, stream: DeliveryStream, buffer: BufferId, part: Part) -> int:
        """How many objects were written; none where there is no bucket."""
        with self._changed:
            state = self._states.get(stream.name)
            times = 2 if state is not None and state.faults.take_repetition() else 1
        destination = stream.destination
        moment = datetime.fromtimestamp(part.oldest_s, destination.zone)
        if buffer.partition == FAILED:
            prefix = evaluate_error_prefix(destination.error_prefix, destination.prefix, moment)
        else:
            prefix = evaluate_prefix(destination.prefix, moment, dict(json.loads(buffer.partition)))
        body = gzip.compress(part.body) if destination.compression == "GZIP" else part.body
        keys = [prefix + build_suffix(stream.name, stream.version, moment, destination.extension) for _ in range(times)]
        return sum(self._put_object(destination.bucket, key, body) for key in keys)

    def _tell_failure(self, state: StreamState, stream: DeliveryStream) -> None:
        failure = f"s3://{stream.destination.bucket}: The specified bucket does not exist"
        if state.failure != failure:
            sys.stderr.write(f"delivery stream {stream.name}: {failure}; it is tried again\n")
        state.failure = failure
        state.retry_s = time.time() + RETRY_S


def _place(stream: DeliveryStream, data: bytes, arrived_s: float, number: str) -> tuple[str, bytes]:
    """The partition of a record, and what is delivered of it."""
    destination = stream.destination
    try:
        keys = extract_keys(destination.keys, data) if destination.keys is not None else {}
    except NotPlaced as problem:
        return FAILED, build_error_record(data, str(problem), arrived_s, number)
    return json.dumps(sorted(keys.items())), data + destination.delimiter


def _draw_id() -> str:
    return (uuid.uuid4().hex * 7)[:224]


def _limit_wait(wait_s: float) -> float | None:
    return None if wait_s == float("inf") else max(0.0, wait_s)
