"""moto's models of S3, Glue and Athena as the emulated crawler and the emulated Athena see them, one call at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from moto.athena.models import AthenaBackend, athena_backends
from moto.glue.models import FakeTable, GlueBackend, glue_backends
from moto.s3.models import FakeKey, S3Backend, s3_backends

from sandbox.athena.calls import AthenaCalls
from sandbox.athena.catalog import CatalogTable, read_table
from sandbox.athena.executions import Executions
from sandbox.athena.objects import StoredObject
from sandbox.aws.objects import Objects
from sandbox.aws.state import Mirror
from sandbox.glue.calls import GlueCalls
from sandbox.glue.crawl import CrawledTable
from sandbox.glue.crawlers import Crawlers

# Of UpdateCrawler's parameters those that moto's model has, by its names.
_CRAWLER_PARTS = {
    "Role": "role",
    "DatabaseName": "database_name",
    "Description": "description",
    "Targets": "targets",
    "TablePrefix": "table_prefix",
    "SchemaChangePolicy": "schema_change_policy",
    "Configuration": "configuration",
}


class Account:
    """One region of the account; each method takes the endpoint's lock, and what it changes is on disk when it returns."""

    def __init__(self, mirror: Mirror, lock: Lock, region: str) -> None:
        self._mirror = mirror
        self._lock = lock
        self._region = region
        self._objects = Objects(mirror, lock)

    def list_objects(self, bucket: str, prefix: str) -> list[StoredObject]:
        """The objects under a prefix, in the order of their keys; none where there is no bucket."""
        with self._lock:
            found = self._s3.buckets.get(bucket)
            keys = found.keys.items() if found is not None else ()
            listed = [(n, key) for n, key in keys if n.startswith(prefix) and isinstance(key, FakeKey)]
            return [StoredObject(name, key.value) for name, key in sorted(listed, key=lambda pair: pair[0])]

    def put_object(self, bucket: str, key: str, body: bytes) -> bool:
        """Put an object; False where there is no such bucket."""
        return self._objects.put(bucket, key, body)

    def find_table(self, database: str, name: str) -> CatalogTable | None:
        """A table of the catalog as it is now; None where there is none."""
        with self._lock:
            tables = self._list_tables(database)
            if tables is None or name not in tables:
                return None
            table = tables[name]
            return read_table(table.as_dict(), [p.as_dict() for p in table.partitions.values()])

    def list_tables(self, database: str) -> list[str] | None:
        """The tables of a database; None where there is no such database."""
        with self._lock:
            tables = self._list_tables(database)
            return None if tables is None else sorted(tables)

    def list_databases(self) -> list[str]:
        """The databases of the catalog."""
        with self._lock:
            return sorted(self._glue.databases)

    def write_table(self, database: str, table: CrawledTable, crawler: str, policy: Mapping[str, str]) -> None:
        """Create or update a table and its partitions, as the crawler's SchemaChangePolicy says."""
        with self._lock:
            self._write_table(database, table, crawler, policy)
            with self._mirror.commit_together():
                self._mirror.save_catalogs()

    def find_crawler(self, name: str) -> Mapping[str, Any] | None:
        """Glue's description of a crawler; None where there is none."""
        with self._lock:
            crawler = self._glue.crawlers.get(name)
            return None if crawler is None else crawler.as_dict()

    def update_crawler(self, name: str, changes: Mapping[str, Any]) -> None:
        """Change what is named of a crawler."""
        with self._lock, self._mirror.commit_together():
            crawler = self._glue.crawlers[name]
            vars(crawler).update({_CRAWLER_PARTS[part]: changes[part] for part in changes if part in _CRAWLER_PARTS})
            self._mirror.save_catalogs()

    def find_configuration(self, name: str) -> Mapping[str, Any] | None:
        """A workgroup's configuration; None where there is no such workgroup."""
        with self._lock:
            workgroup = self._athena.work_groups.get(name)
            return None if workgroup is None else dict(workgroup.configuration)

    def update_configuration(self, name: str, changes: Mapping[str, Any]) -> None:
        """Change a workgroup's configuration."""
        with self._lock, self._mirror.commit_together():
            self._athena.work_groups[name].configuration.update(changes)
            self._mirror.save_catalogs()

    def _write_table(self, database: str, table: CrawledTable, crawler: str, policy: Mapping[str, str]) -> None:
        tables = self._glue.get_database(database).tables
        if table.name not in tables:
            self._glue.create_table(database, table.name, table.describe(crawler))
        elif policy.get("UpdateBehavior", "UPDATE_IN_DATABASE") == "UPDATE_IN_DATABASE":
            self._glue.update_table(database, table.name, table.describe(crawler))
        stored = tables[table.name]
        for location, values in table.partitions.items():
            description = {"Values": list(values), "StorageDescriptor": table.describe_storage(location)}
            stored.partitions.pop(str(list(values)), None)
            stored.create_partition(description)
        if policy.get("DeleteBehavior") == "DELETE_FROM_DATABASE":
            there = set(table.partitions.values())
            gone = [key for key, partition in stored.partitions.items() if tuple(partition.values) not in there]
            for key in gone:
                del stored.partitions[key]

    def _list_tables(self, database: str) -> dict[str, FakeTable] | None:
        found = self._glue.databases.get(database)
        return None if found is None else found.tables

    @property
    def _s3(self) -> S3Backend:
        return s3_backends[self._mirror.account_id]["aws"]

    @property
    def _glue(self) -> GlueBackend:
        return glue_backends[self._mirror.account_id][self._region]

    @property
    def _athena(self) -> AthenaBackend:
        return athena_backends[self._mirror.account_id][self._region]


def open_calls(
    mirror: Mirror, lock: Lock, region: str
) -> dict[str, Callable[[Mapping[str, Any]], dict[str, Any] | None]]:
    """The calls to Athena and to crawlers in one region that moto has no answer to, by their target."""
    account = Account(mirror, lock, region)
    athena = AthenaCalls(Executions(account, account), account)
    glue = GlueCalls(Crawlers(account, account), account)
    return {
        **{f"AmazonAthena.{name}": call for name, call in athena.by_name.items()},
        **{f"AWSGlue.{name}": call for name, call in glue.by_name.items()},
    }
