"""The messages that docs/operations.md tells what to do about are those that the code writes."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOMS = ("spark_streaming", "connections", "pipeline_contract")


@pytest.fixture(scope="module")
def messages() -> list[str]:
    """Every text in the code, with an ellipsis for what is filled in."""
    texts = []
    for room in ROOMS:
        for path in Path(room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    texts.append(node.value)
                elif isinstance(node, ast.JoinedStr):
                    parts = (v.value if isinstance(v, ast.Constant) else "…" for v in node.values)
                    texts.append("".join(map(str, parts)))
    return texts


def read_fragments() -> list[str]:
    """The messages in the first column of the runbook's table."""
    section = Path("docs/operations.md").read_text(encoding="utf-8").partition("## The job stopped with")[2]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return [fragment for row in rows for fragment in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("fragment", read_fragments())
def test_a_message_of_the_runbook_is_one_of_the_code(fragment: str, messages: list[str]) -> None:
    pattern = re.compile(".*".join(re.escape(part) for part in fragment.split("…")), re.DOTALL)

    assert any(pattern.search(text) for text in messages)


def test_the_runbook_has_messages() -> None:
    assert len(read_fragments()) > 10
