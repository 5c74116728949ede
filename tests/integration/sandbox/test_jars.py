"""Jars come from a Maven repository once, whole, and without the network from then on."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline_contract.errors import ServiceError
from sandbox import jars
from sandbox.processes import find_free_port

CONSOLE = Console(stderr=True, quiet=True)
COORDINATES = ("org.example:upper:1.0",)
POM = """\
<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>{name}</artifactId>
<version>1.0</version><dependencies>{dependencies}</dependencies></project>"""
DEPENDENCY = (
    "<dependency><groupId>org.example</groupId><artifactId>lower</artifactId><version>1.0</version></dependency>"
)


class Repository:
    """A Maven repository with two artifacts, which counts what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.add("lower", "")
        self.add("upper", DEPENDENCY)
        handler = partial(self.build_handler(), directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, name: str, dependencies: str) -> None:
        """Add an artifact: POM, jar, and their checksums."""
        folder = self.folder / "org" / "example" / name / "1.0"
        folder.mkdir(parents=True)
        (folder / f"{name}-1.0.pom").write_text(POM.format(name=name, dependencies=dependencies))
        with zipfile.ZipFile(folder / f"{name}-1.0.jar", "w") as jar:
            jar.writestr("content.txt", name * 1000)
        for path in list(folder.iterdir()):
            path.with_name(path.name + ".sha1").write_text(hashlib.sha1(path.read_bytes()).hexdigest())

    def build_handler(self) -> type[SimpleHTTPRequestHandler]:
        """A handler that keeps the paths it was asked for."""
        asked = self.asked

        class Handler(SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature is the library's
                asked.append(self.path)

        return Handler


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    """A repository in Maven Central's place, and a home folder with empty caches."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("M2_REPO", raising=False)
    repository = Repository(tmp_path / "repository")
    monkeypatch.setattr(jars, "MAVEN_CENTRAL_URL", f"http://127.0.0.1:{repository.server.server_port}")
    yield repository
    repository.server.shutdown()
    repository.server.server_close()


def test_a_second_call_asks_for_nothing(repository: Repository) -> None:
    first = jars.resolve_jars(COORDINATES, CONSOLE)
    assert sorted(jar.name for jar in first) == ["lower-1.0.jar", "upper-1.0.jar"]
    assert all(zipfile.is_zipfile(jar) for jar in first)
    repository.asked.clear()
    assert jars.resolve_jars(COORDINATES, CONSOLE) == first
    assert repository.asked == []


def test_a_damaged_jar_is_fetched_again(repository: Repository) -> None:
    damaged = jars.resolve_jars(COORDINATES, CONSOLE)[0]
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert all(zipfile.is_zipfile(jar) for jar in jars.resolve_jars(COORDINATES, CONSOLE))


def test_an_interrupted_download_leaves_no_partial_file(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(jars, "follow_downloads", lambda _progress: InterruptingFollower)
        with pytest.raises(KeyboardInterrupt):
            jars.resolve_jars(COORDINATES, CONSOLE)
    assert list((tmp_path / "home").rglob("*.jar")) == []
    assert len(jars.resolve_jars(COORDINATES, CONSOLE)) == 2


class InterruptingFollower:
    """Follows a download and interrupts it at its first bytes when it is a jar."""

    def __init__(self, file_name: str, size_bytes: int) -> None:
        self.file_name = file_name

    def __enter__(self) -> InterruptingFollower:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to tidy up."""

    def __call__(self, count: int) -> None:
        if self.file_name.endswith(".jar"):
            raise KeyboardInterrupt


def test_a_damaged_pom_is_told_with_the_cache_to_remove(repository: Repository, tmp_path: Path) -> None:
    jars.resolve_jars(COORDINATES, CONSOLE)
    for pom in (tmp_path / "home").rglob("*.pom"):
        pom.write_text("<project><modelV")
    for lock in (tmp_path / "home").rglob("jgo.lock.toml"):
        lock.unlink()
    with pytest.raises(ServiceError, match="cannot be resolved") as failed:
        jars.resolve_jars(COORDINATES, CONSOLE)
    assert str(tmp_path / "home") in str(failed.value)


def test_an_unreachable_repository_is_one_clear_error(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{find_free_port()}"
    monkeypatch.setattr(jars, "MAVEN_CENTRAL_URL", url)
    with pytest.raises(ServiceError) as failed:
        jars.resolve_jars(COORDINATES, CONSOLE)
    assert f"Maven Central ({url}) cannot be reached" in str(failed.value)
    assert COORDINATES[0] in str(failed.value)


def test_an_artifact_that_does_not_exist_is_named(repository: Repository) -> None:
    with pytest.raises(ServiceError, match=r"org\.example:nothing:1\.0 cannot be resolved"):
        jars.resolve_jars(("org.example:nothing:1.0",), CONSOLE)
