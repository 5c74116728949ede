"""What a deployment or a teardown will do, as a list, before anything is done. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from io import StringIO
from typing import Literal, NamedTuple

from snowflake_integration.copy_statement import pipe_copy
from snowflake_integration.naming import Names, Target
from snowflake_integration.notifications import EVENT
from snowflake_integration.pipes import FoundColumn, Pipe, is_same_copy
from snowflake_integration.rendering import DEPLOYED, TEARDOWN, Script

# run: one statement · keep: a pipe that is as it should be · replace: a pipe whose COPY has changed ·
# notify, unwire: the bucket's notifications · refresh: load the files that lay there before the pipe.
Action = Literal["run", "keep", "replace", "notify", "unwire", "refresh"]


class Step(NamedTuple):
    """One line of a plan."""

    script: str
    action: Action
    statement: str
    target: Target | None = None

    @property
    def title(self) -> str:
        """The step in one line."""
        return self.statement.splitlines()[0].rstrip("; (")


class Found(NamedTuple):
    """What the warehouse has already: its pipes by name, the tables without a row, and the tables' columns by name."""

    pipes: Mapping[str, Pipe]
    empty_tables: Set[str]
    columns: Mapping[str, Mapping[str, FoundColumn]]


def split_script(script: Script) -> list[str]:
    """The statements of a script in order, without comments and closing semicolons."""
    from snowflake.connector.util_text import split_statements  # noqa: PLC0415 - seconds that `--help` need not wait

    statements = (text for text, _ in split_statements(StringIO(script.text), remove_comments=True))
    return [stripped for text in statements if (stripped := text.strip().rstrip(";").rstrip())]


def plan_deployment(
    scripts: Iterable[Script], names: Names, found: Found, bucket: str, numbers: Sequence[str] = DEPLOYED
) -> list[Step]:
    """The steps that bring the warehouse and the bucket to what the scripts say.

    A table that is there stays as it is. A pipe that is there is kept, or replaced when its COPY differs (SP03). Files
    from before are loaded by a refresh of a new pipe, and only into an empty table: a new pipe does not know what an old
    one of that name has loaded.
    """
    steps = [
        _plan_statement(script, statement, names, found)
        for script in scripts
        if script.number in numbers
        for statement in split_script(script)
    ]
    steps.append(Step("bucket", "notify", f"tell the pipes' queue of {EVENT} under s3://{bucket}/{names.stage_prefix}"))
    steps += [
        Step("refresh", "refresh", f"ALTER PIPE {target.pipe} REFRESH", target)
        for target in names.targets
        if target.pipe_name not in found.pipes and target.name in found.empty_tables
    ]
    return steps


def _plan_statement(script: Script, statement: str, names: Names, found: Found) -> Step:
    target = find_target(statement, names)
    if target is None or target.pipe_name not in found.pipes:
        return Step(script.name, "run", statement, target)
    if is_same_copy(found.pipes[target.pipe_name].definition, pipe_copy(target)):
        return Step(script.name, "keep", statement, target)
    replaced = statement.replace("CREATE PIPE IF NOT EXISTS", "CREATE OR REPLACE PIPE", 1)
    return Step(script.name, "replace", replaced, target)


def find_target(statement: str, names: Names) -> Target | None:
    """The target whose pipe a statement creates, or None for any other statement."""
    return next((t for t in names.targets if statement.startswith(f"CREATE PIPE IF NOT EXISTS {t.pipe}\n")), None)


def plan_teardown(scripts: Iterable[Script], names: Names, bucket: str) -> list[Step]:
    """The steps that remove a pipeline from the bucket's notifications and from the warehouse; files stay."""
    unwire = Step("bucket", "unwire", f"stop telling the queue of objects under s3://{bucket}/{names.stage_prefix}")
    return [
        unwire,
        *(
            Step(script.name, "run", statement)
            for script in scripts
            if script.number == TEARDOWN
            for statement in split_script(script)
        ),
    ]
