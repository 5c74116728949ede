"""The demonstration from the sandbox's start to its end, whatever happens in between."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from demo.command_runner import CommandRunner
from demo.stages import Stage, Way
from reconciliation.report import render_report
from reconciliation.statement import Statement

REPORT_WIDTH = 140


@dataclass
class Demonstration:
    """Runs stages, shows the command and takes the time of each; results go to standard output, talk to `console`."""

    console: Console
    runner: CommandRunner
    seconds_by_stage: dict[str, float] = field(default_factory=dict)

    def run_way(self, way: Way, stays_up: bool) -> tuple[int, str]:
        """Run the whole way, and end the sandbox unless it stays up; the exit code, and the reconciliation's JSON object.

        There is no JSON object where a stage before the reconciliation has failed: then the exit code is that stage's.
        """
        try:
            for stage in (way.up, *way.stages):
                if status := self._run(stage):
                    return status, ""
            return self._prove(way.proof)
        finally:
            if not stays_up:
                self._stop(way.down)

    def find_running(self, environment: str) -> list[str]:
        """The sandbox's services that run now; none where the sandbox's own status says nothing."""
        question = Stage("status", ("sandbox", "status", "--env", environment, "--json"))
        written = self.runner.ask(build_command(question))
        services = json.loads(written)["services"] if written else []
        return [service["title"] for service in services if service["pid"] is not None]

    def show_times(self) -> None:
        """The seconds of each stage, as a table."""
        table = Table("stage", title="time", title_justify="left")
        table.add_column("seconds", justify="right")
        for title, seconds in self.seconds_by_stage.items():
            table.add_row(title, f"{seconds:.1f}")
        table.add_section()
        table.add_row("together", f"{sum(self.seconds_by_stage.values()):.1f}")
        self.console.print(table)

    def _run(self, stage: Stage) -> int:
        with self._announce(stage):
            return self._judge(stage, self.runner.run(build_command(stage)))

    def _prove(self, stage: Stage) -> tuple[int, str]:
        with self._announce(stage):
            status, written = self.runner.capture(build_command(stage))
        try:
            statement = TypeAdapter(Statement).validate_json(written)
        except ValidationError:
            return self._judge(stage, status or 3), ""
        page = Console() if sys.stdout.isatty() else Console(width=REPORT_WIDTH)
        page.print(render_report(statement))
        return status, written.strip()

    def _stop(self, stage: Stage) -> None:
        with self._announce(stage):
            status = self.runner.run_whatever_comes(build_command(stage))
        if status:
            self.console.print(f"{stage.title} ended with exit code {status}; `make down` tries again", style="red")

    def _judge(self, stage: Stage, status: int) -> int:
        if self.runner.interrupted_by is None and status in stage.tolerated:
            return 0
        why = f"stopped by {self.runner.interrupted_by.name}" if self.runner.interrupted_by else f"exit code {status}"
        self.console.print(f"{stage.title}: {why}", style="red")
        return status

    @contextmanager
    def _announce(self, stage: Stage) -> Iterator[None]:
        self.console.print(Rule(Text(stage.title, "bold"), align="left"))
        self.console.print(Text(f"$ {show_command(stage)}", "cyan"), soft_wrap=True)
        began_s = time.monotonic()
        try:
            yield
        finally:
            self.seconds_by_stage[stage.title] = time.monotonic() - began_s


def build_command(stage: Stage) -> list[str]:
    """The command of a stage, for this Python."""
    return [sys.executable, "-m", *stage.arguments]


def show_command(stage: Stage) -> str:
    """The command of a stage as a person would type it."""
    return shlex.join(["python", "-m", *stage.arguments])
