"""The page about a Kaggle CSV: its contract is a good one, and takes its file."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

from kafka_producer.session import preview_messages
from pipeline_contract.contract_file import parse_contract
from pipeline_contract.partition_paths import compile_partition
from pipeline_contract.row_judge import Message, compile_judge
from tests.documents import read_blocks

PAGE = Path("docs/kaggle.md")


def test_the_contract_of_the_page_takes_the_file_of_the_page(tmp_path: Path) -> None:
    blocks = {block.language: block.text for block in read_blocks(PAGE) if block.language in ("csv", "toml")}
    path = tmp_path / "orders.csv"
    path.write_text(blocks["csv"], encoding="utf-8")
    contract, problems = parse_contract(tomllib.loads(blocks["toml"]))
    assert not problems

    sent = preview_messages(contract, str(path), None, 10)
    messages = [Message("orders", "id", 0, n, 0, message.key, message.value) for n, message in enumerate(sent)]
    judged = compile_judge(contract, {}, None, dict).judge(messages, "b")

    assert [row[5] for row in judged.curated] == [Decimal("91.80"), None]
    assert compile_partition(contract)(judged.curated[0]) == "month=2010-12/"
    assert not judged.rejected
