"""The local Snowpipe (emulated) as two threads: one takes S3 events from the queue, one loads the files that wait."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import duckdb
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.snowpipe.object_store import FileMissing, StagedFile
from sandbox.snowpipe.pipe_loader import Disposal, has_table, is_known, load_pending, select_wanted
from sandbox.snowpipe.pipe_queue import PipeQueue
from sandbox.snowpipe.pipes import PendingFile, PendingFiles, Pipe, list_pipes, read_pipe
from sandbox.snowpipe.s3_events import FileEvent, parse_message
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.warehouse import Warehouse

logger = logging.getLogger("sandbox.snowpipe")
_PASSING = (BotoCoreError, ClientError, duckdb.Error, OSError)
_FETCH_THREADS = 4
_BATCH = 32


class Snowpipe:
    """Loads the files of all pipes until it is stopped; what was not finished is taken up by the next start."""

    def __init__(self, warehouse: Warehouse, queue: PipeQueue, pending: PendingFiles) -> None:
        self._warehouse = warehouse
        self._queue = queue
        self._pending = pending
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._threads = [
            threading.Thread(target=self._run_receiver, name="snowpipe-receiver", daemon=True),
            threading.Thread(target=self._run_loader, name="snowpipe-loader", daemon=True),
        ]

    def start(self) -> None:
        """Start both threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the file in hand."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(timeout=20)

    def wake(self) -> None:
        """Look for pending files now: a pipe was resumed or refreshed."""
        self._wake.set()

    def _run_receiver(self) -> None:
        url = None
        while not self._stop.is_set():
            try:
                url = url or self._queue.create_queue()
                self._receive(url)
            except _PASSING as error:
                logger.warning("pipes' queue: %s; trying again", error)
                url = None
                self._stop.wait(0.5)

    def _receive(self, url: str) -> None:
        messages = self._queue.receive_messages(url)
        if not messages:
            return
        events = [event for message in messages for event in parse_message(message.body)]
        self._pending.add_files(self._match_events(events))
        # Deleted only now: a kill before this line brings the messages back, and the histories know what is loaded.
        self._queue.delete_messages(url, messages)
        self._wake.set()

    def _match_events(self, events: list[FileEvent]) -> list[tuple[Pipe, FileEvent]]:
        pipes = (
            [pipe for pipe in list_pipes(self._warehouse.catalog) if pipe.definition["auto_ingest"]] if events else []
        )
        matches = []
        for pipe in pipes:
            wanted = select_wanted(self._warehouse, pipe, events)
            if wanted and has_table(self._warehouse, pipe):
                matches += [(pipe, event) for event in wanted]
        return matches

    def _run_loader(self) -> None:
        while not self._stop.is_set():
            try:
                is_idle = not self._load_batch()
            except (*_PASSING, SqlError) as error:
                logger.warning("loading: %s; the files stay pending", error)
                is_idle = True
            if is_idle:
                self._wake.wait(0.5)
                self._wake.clear()

    def _load_batch(self) -> bool:
        """Deal with one batch of pending files and return whether there was any progress."""
        # Read before the pipes are, so that a pipe created in between keeps its files.
        waiting = self._pending.list_pipe_ids()
        if not waiting:
            return False
        pipes = {pipe.id: pipe for pipe in list_pipes(self._warehouse.catalog)}
        self._pending.remove_pipes(waiting - set(pipes))
        running = [pipe for pipe in pipes.values() if pipe.id in waiting and not pipe.is_paused]
        batch = [(pipe, file) for pipe in running for file in self._pending.list_files_of(pipe.id, _BATCH)]
        if not batch:
            return False
        progress = False
        with ThreadPoolExecutor(_FETCH_THREADS, thread_name_prefix="snowpipe-fetch") as pool:
            fetched = [(pipe, file, pool.submit(self._fetch, pipe, file)) for pipe, file in batch]
            for pipe, file, future in fetched:
                if self._stop.is_set():
                    future.cancel()
                    continue
                try:
                    self._finish_file(pipe, file, future.result())
                    progress = True
                except _PASSING as error:
                    logger.warning("s3://%s/%s stays pending: %s", file.bucket, file.key, error)
        return progress

    def _fetch(self, pipe: Pipe, file: PendingFile) -> tuple[StagedFile, bytes] | FileMissing | None:
        if is_known(self._warehouse, pipe, file):
            return None
        try:
            return self._warehouse.store.fetch_file(file.bucket, file.key)
        except FileMissing as error:
            return error

    def _finish_file(
        self, pipe: Pipe, file: PendingFile, content: tuple[StagedFile, bytes] | FileMissing | None
    ) -> None:
        current = self._warehouse.catalog.find_object("PIPE", pipe.name)
        if current is None or current.id != pipe.id or read_pipe(current).is_paused:
            return  # paused or replaced since the batch began
        disposal = Disposal.KNOWN if content is None else load_pending(self._warehouse, pipe, file, content)
        if disposal == Disposal.LOADED:
            self._pending.note_load(pipe.id, file.key)
        self._pending.remove_files([file])
        logger.info("%s: s3://%s/%s %s", pipe.name, file.bucket, file.key, disposal.value)
