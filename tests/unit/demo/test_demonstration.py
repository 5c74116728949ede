"""The order of the stages, what ends it, and that the sandbox is ended; small modules stand in for the stages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console

from demo.command_runner import CommandRunner
from demo.demonstration import Demonstration
from demo.stages import Stage, Way

# Leaves its name behind and ends as it is told; its third argument is printed.
STAND_IN = """
import pathlib, sys
with open(pathlib.Path(__file__).with_name("order"), "a") as order:
    order.write(sys.argv[1] + " ")
sys.stdout.write(sys.argv[3])
sys.exit(int(sys.argv[2]))
"""
FIGURES = ("produced", "raw", "curated", "rejected", "loaded", "pending", "missing", "duplicates")
PROOF = json.dumps({"pipeline": "flights", **dict.fromkeys(FIGURES, 0), "complete": True})


class Case(NamedTuple):
    """The exit codes of `up`, of two stages (the second tolerates 4) and of the proof, and what comes of them."""

    codes: tuple[int, int, int, int]
    stays_up: bool
    status: int
    order: str
    proves: bool


CASES = {
    "all well": Case((0, 0, 0, 0), False, 0, "up first second proof down", True),
    "kept": Case((0, 0, 0, 0), True, 0, "up first second proof", True),
    "up fails": Case((2, 0, 0, 0), False, 2, "up down", False),
    "a stage fails": Case((0, 3, 0, 0), False, 3, "up first down", False),
    "a tolerated code": Case((0, 0, 4, 1), False, 1, "up first second proof down", True),
    "a code that is not tolerated": Case((0, 0, 1, 0), False, 1, "up first second down", False),
    "pending": Case((0, 0, 0, 4), False, 4, "up first second proof down", True),
    "the proof breaks down": Case((0, 0, 0, 3), False, 3, "up first second proof down", False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_way_to_its_end(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def stage(name: str, code: int, tolerated: tuple[int, ...] = (0,), printed: str = "") -> Stage:
        return Stage(name, ("stand_in", name, str(code), printed), tolerated)

    up, first, second, proof = case.codes
    way = Way(
        up=stage("up", up),
        stages=(stage("first", first), stage("second", second, tolerated=(0, 4))),
        proof=stage("proof", proof, tolerated=(0, 1, 4), printed=PROOF if case.proves else ""),
        down=stage("down", 0),
    )
    demonstration = Demonstration(Console(stderr=True), CommandRunner())

    status, proved = demonstration.run_way(way, stays_up=case.stays_up)
    demonstration.show_times()

    assert (status, proved) == (case.status, PROOF if case.proves else "")
    assert (tmp_path / "order").read_text().split() == case.order.split()
    assert list(demonstration.seconds_by_stage) == case.order.split()
    printed = capfd.readouterr()
    assert "together" in printed.err
    assert ("Reconciliation of flights" in printed.out) == case.proves
