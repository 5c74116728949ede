"""What the command says when it is used wrongly, and its dry run; no broker is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from kafka_producer.__main__ import app


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files to be replayed, and a broker's address at which nobody answers."""
    monkeypatch.setenv("MILLRACE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("MILLRACE_KAFKA__TIMEOUT_S", "1")
    (tmp_path / "good.csv").write_text("id,name,value\n1,a,x\n2,b\n3,c,z\n")
    (tmp_path / "wrong.csv").write_text("id,nom,value\n")
    (tmp_path / "empty.csv").touch()
    return tmp_path


class Case(NamedTuple):
    name: str
    arguments: tuple[str, ...]
    exit_code: int
    words: str


CASES = [
    Case("unknown pipeline", ("nowhere", "{}/good.csv"), 2, "no pipeline 'nowhere'"),
    Case("unknown environment", ("readings", "{}/good.csv", "--env", "mars"), 2, "no environment 'mars'"),
    Case("missing file", ("readings", "{}/missing.csv"), 2, "missing.csv: cannot be read: No such file"),
    Case("folder", ("readings", "{}"), 2, "cannot be read: Is a directory"),
    Case("empty file", ("readings", "{}/empty.csv"), 2, "empty.csv: is empty"),
    Case("other header", ("readings", "{}/wrong.csv"), 2, "missing: name; unexpected: 'nom'"),
    Case("two paces", ("readings", "{}/good.csv", "--delay", "1", "--rate", "1"), 2, "exclude each other"),
    Case("no event time", ("readings", "{}/good.csv", "--speed", "1"), 2, "declares none"),
    Case("unknown client", ("readings", "{}/good.csv", "--client", "other"), 2, "allowed: confluent, kafka-python"),
    Case("broker down", ("readings", "{}/good.csv"), 3, "127.0.0.1:1: cannot reach the broker"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_trouble_has_its_words_and_its_exit_code(case: Case, folder: Path) -> None:
    answer = CliRunner().invoke(app, ["replay", *(argument.format(folder) for argument in case.arguments)])
    assert answer.exit_code == case.exit_code
    assert case.words in answer.stderr
    assert answer.stdout == ""


def test_a_dry_run_shows_the_first_messages(folder: Path) -> None:
    arguments = ["replay", "readings", str(folder / "good.csv"), "--dry-run"]
    result = json.loads(CliRunner().invoke(app, [*arguments, "--limit", "2", "--json"]).stdout)
    assert [message["topic"] for message in result["messages"]] == ["my_topic", "my_topic.rejected"]
    assert result["messages"][0]["key"] == "1"
    assert result["messages"][0]["value"].endswith(",2,1,a,x")
    assert "none is sent" in CliRunner().invoke(app, arguments).stdout
