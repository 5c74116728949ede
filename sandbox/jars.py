"""Brings the Kafka broker's class path from Maven Central into the user's own Maven cache."""

from __future__ import annotations

import fcntl
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import EnvironmentBuilder, LinkStrategy
from jgo.maven import Artifact, MavenContext, PythonResolver
from requests.exceptions import RequestException
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from pipeline_contract.errors import ServiceError

SCALA_VERSION = "2.13"
KAFKA_VERSION = "4.1.1"
# Kafka logs through slf4j 1.7; without a binding it would log nothing at all. The `!` keeps the versions that log4j's
# own build manages (an older kafka-clients among them) away from Kafka.
LOG4J_VERSION = "2.24.3"
KAFKA_COORDINATES = (
    f"org.apache.kafka:kafka_{SCALA_VERSION}:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}!",
)

ProgressCallback = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


class WholeFileResolver(PythonResolver):
    """jgo's resolver, which leaves no half-downloaded file behind when it is interrupted."""

    def download(self, artifact: Artifact) -> Path | None:
        """Download one artifact as jgo does; when that is interrupted, the partial file is removed."""
        try:
            path: Path | None = super().download(artifact)
        except BaseException:
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
            raise
        return path


def resolve_jars(coordinates: tuple[str, ...], console: Console) -> list[Path]:
    """The jars of these Maven coordinates and of all they depend on, downloaded where they are not cached yet.

    A second call asks the network for nothing. Raises `ServiceError` when Maven Central cannot be reached.
    """
    settings = GlobalSettings.load()
    with lock_cache(settings.cache_dir):
        jars = build_environment(coordinates, settings, console, update=())
        broken = [jar for jar in jars if not zipfile.is_zipfile(jar)]
        if broken:
            jars = build_environment(coordinates, settings, console, update=tuple(broken))
    return jars


@contextmanager
def lock_cache(cache_dir: Path) -> Iterator[None]:
    """Hold jgo's cache alone: jgo itself does not expect a second process that downloads the same file."""
    cache_dir.mkdir(parents=True, exist_ok=True)
    with (cache_dir / "millrace.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_environment(
    coordinates: tuple[str, ...], settings: GlobalSettings, console: Console, update: tuple[Path, ...]
) -> list[Path]:
    """Let jgo link all jars into one folder; the jars in `update` are damaged and are fetched again."""
    for damaged in update:
        damaged.unlink()
        for cached in settings.repo_cache.rglob(damaged.name):
            cached.unlink()
    columns = (TextColumn("  {task.description}"), BarColumn(bar_width=20), DownloadColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        context = MavenContext(
            resolver=WholeFileResolver(progress_callback=follow_downloads(progress)),
            repo_cache=settings.repo_cache,
            remote_repos={"central": MAVEN_CENTRAL_URL},
        )
        builder = EnvironmentBuilder(context=context, cache_dir=settings.cache_dir, link_strategy=LinkStrategy.AUTO)
        try:
            environment = builder.from_endpoint("+".join(coordinates), update=bool(update))
        except RequestException as error:
            raise ServiceError(
                f"Maven Central ({MAVEN_CENTRAL_URL}) cannot be reached for {', '.join(coordinates)}: {error}. "
                "Check the network (or its proxy settings) and start again; what was downloaded is kept."
            ) from error
        except (RuntimeError, ValueError, OSError, SyntaxError) as error:  # a damaged POM is a SyntaxError
            raise ServiceError(
                f"{', '.join(coordinates)} cannot be resolved from {MAVEN_CENTRAL_URL}: {error}. "
                f"If it stays so, remove the cache {settings.repo_cache} and start again."
            ) from error
    return list(environment.all_jars)


def follow_downloads(progress: Progress) -> ProgressCallback:
    """jgo's progress callback: one bar that names the file on its way and counts all bytes so far."""
    task = progress.add_task("jars from Maven Central", total=0)

    @contextmanager
    def follow_file(file_name: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
        progress.update(task, description=file_name, total=(progress.tasks[0].total or 0) + size_bytes)
        yield lambda count: progress.update(task, advance=count)

    return follow_file
