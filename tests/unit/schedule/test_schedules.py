"""The schedules of conf/schedule: they parse, run commands that exist, and none overlaps itself."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.docs.test_documents import find_app, parse

FOLDER = Path("conf/schedule")
UNITS = sorted((FOLDER / "systemd").iterdir())
# The values that one field of a crontab may take, in their order: crontab(5).
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
OUR_COMMAND = re.compile(r"\.venv/bin/python -m ([a-z_]+) ([^;&|\n]*)")
PLACEHOLDERS = {
    "$PIPELINE": "flights", "$MILLRACE_ENV": "aws", '"$pipeline"': "flights", '"$env"': "aws", "%i": "flights",
    '"$(date -u -d "$days days ago" +%F)"': "2013-01-01", '"$(date -u +%F)"': "2013-02-01",
}  # fmt: skip


def read_cron_jobs() -> list[str]:
    lines = (FOLDER / "crontab").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#") and not re.match(r"[A-Z_]+=", line)]


def check_commands(text: str) -> int:
    """Let every command of ours in a text parse its arguments; how many there were."""
    for mark, value in PLACEHOLDERS.items():
        text = text.replace(mark, value)
    commands = OUR_COMMAND.findall(text.replace("\\\n", " "))
    for module, arguments in commands:
        parse(find_app(module), arguments.split())
    return len(commands)


def parse_dag() -> ast.Module:
    return ast.parse((FOLDER / "airflow/millrace.py").read_text())


def test_every_job_of_the_crontab_has_five_fields_and_a_lock_of_its_own() -> None:
    jobs = read_cron_jobs()
    for job in jobs:
        *fields, command = job.split(maxsplit=5)
        for field, (lowest, highest) in zip(fields, FIELDS, strict=True):
            assert field == "*" or lowest <= int(field) <= highest, job
        assert "%" not in command, "cron takes a percent sign for the end of the line"
    locks = [re.search(r"flock --nonblock (\S+)", job) for job in jobs]
    assert len({lock[1] for lock in locks if lock}) == len(jobs) == 2


@pytest.mark.parametrize("name", ["crontab", "nightly_backfill", *(f"systemd/{unit.name}" for unit in UNITS)])
def test_the_commands_take_their_arguments(name: str) -> None:
    text = (FOLDER / name).read_text()
    called = check_commands(text) + text.count("conf/schedule/nightly_backfill ")
    assert called > 0 or name.endswith(".timer")


def test_the_nightly_script_is_one_that_bash_reads_and_may_run() -> None:
    script = FOLDER / "nightly_backfill"
    assert script.stat().st_mode & 0o100
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_what_systemd_wants(unit: Path) -> None:
    parsed = configparser.ConfigParser(interpolation=None, strict=True)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(unit.read_text())
    if unit.suffix == ".service":
        assert parsed["Service"]["Type"] == "oneshot", "only then systemd begins it once at a time"
        assert parsed["Service"]["KillMode"] == "mixed", "a signal to all would stop Spark under its batch"
        assert Path(parsed["Service"]["ExecStart"].split()[0]).is_relative_to(parsed["Service"]["WorkingDirectory"])
    else:
        assert parsed["Timer"]["Unit"] == unit.name.replace("@.timer", "@%i.service")
        assert unit.with_suffix(".service").exists()
        check_calendar(parsed["Timer"]["OnCalendar"])


def check_calendar(expression: str) -> None:
    """Ask systemd where it is there; else hold the expression to date, time and zone."""
    if analyze := shutil.which("systemd-analyze"):
        assert subprocess.run([analyze, "calendar", expression], capture_output=True, check=False).returncode == 0
    assert re.fullmatch(r"\*-\*-\* (\*|[01]\d|2[0-3]):[0-5]\d:[0-5]\d( UTC)?", expression)


def test_every_dag_runs_once_at_a_time_and_catches_nothing_up() -> None:
    calls = [node for node in ast.walk(parse_dag()) if isinstance(node, ast.Call)]
    dags = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "DAG"]
    options = [{k.arg: ast.unparse(k.value) for k in dag.keywords} for dag in dags]
    assert [(o["max_active_runs"], o["catchup"]) for o in options] == [("1", "False")] * 2
    assert [len(ast.literal_eval(o["schedule"]).split()) for o in options] == [5, 5]


def test_the_tasks_of_the_dags_run_commands_that_exist() -> None:
    def render(node: ast.expr) -> str:
        if isinstance(node, ast.JoinedStr):
            return "".join(str(p.value) if isinstance(p, ast.Constant) else render(p.value) for p in node.values)  # type: ignore[attr-defined]
        values = {"IN_PROJECT": ".venv/bin/python -m", "pipeline": "flights"}
        return values[node.id] if isinstance(node, ast.Name) else str(ast.literal_eval(node))

    commands = [
        render(keyword.value)
        for node in ast.walk(parse_dag())
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "bash_command"
    ]
    templated = [re.sub(r"\{\{.*?\}\}", "2013-01-01", command) for command in commands]
    assert [check_commands(command.replace("--to 2013-01-01", "--to 2013-02-01")) for command in templated] == [1, 1, 1]
