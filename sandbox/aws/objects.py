"""The emulated S3 as the other emulated services of the account read and write it."""

from __future__ import annotations

from threading import Lock

from moto.s3.models import FakeKey, S3Backend, s3_backends

from sandbox.aws.state import Mirror


class Objects:
    """Each method takes the endpoint's lock; what it writes is on disk, with its events, when it returns."""

    def __init__(self, mirror: Mirror, lock: Lock) -> None:
        self._mirror = mirror
        self._lock = lock

    def read(self, bucket: str, key: str) -> bytes | None:
        """The bytes of an object, or None where there is none."""
        with self._lock:
            found = self._s3.buckets.get(bucket)
            stored = found.keys.get(key) if found is not None else None
            return bytes(stored.value) if isinstance(stored, FakeKey) else None

    def put(self, bucket: str, key: str, body: bytes) -> bool:
        """Put an object; False where there is no such bucket."""
        with self._lock:
            if bucket not in self._s3.buckets:
                return False
            self._s3.put_object(bucket, key, body)
            with self._mirror.commit_together():
                self._mirror.save_object(bucket, key)
                self._mirror.save_queues()
            return True

    @property
    def _s3(self) -> S3Backend:
        return s3_backends[self._mirror.account_id]["aws"]
