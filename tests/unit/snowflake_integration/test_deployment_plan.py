"""What a deployment would do, given what is there: pure."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from connections.settings import Settings
from pipeline_contract.contract_file import find_contract, load_contract
from snowflake_integration.copy_statement import pipe_copy
from snowflake_integration.naming import derive_names
from snowflake_integration.pipes import Pipe, is_same_copy
from snowflake_integration.plan import Found, plan_deployment, plan_teardown
from snowflake_integration.rendering import render_scripts

SETTINGS = Settings()
CONTRACT = load_contract(find_contract("readings"))
NAMES = derive_names(CONTRACT, SETTINGS)
SCRIPTS = render_scripts(CONTRACT, SETTINGS)
TABLES = {target.name for target in NAMES.targets}
CURRENT = {t.pipe_name: Pipe(t.pipe_name, pipe_copy(t), "arn:queue") for t in NAMES.targets}


def plan(found: Found, *numbers: str) -> list[tuple[str, str]]:
    """The actions and titles of a plan."""
    chosen = numbers or ("01", "02", "03", "04", "05", "06", "07")
    return [(s.action, s.title) for s in plan_deployment(SCRIPTS, NAMES, found, "millrace-lake", chosen)]


def test_a_first_deployment_runs_everything_then_wires_the_bucket_then_loads_what_was_there() -> None:
    steps = plan(Found({}, TABLES, {}))

    assert {action for action, _ in steps} == {"run", "notify", "refresh"}
    assert [action for action, _ in steps[-4:]] == ["notify", "refresh", "refresh", "refresh"]
    assert sum(title.startswith("CREATE PIPE IF NOT EXISTS") for _, title in steps) == 3


def test_a_second_deployment_keeps_every_pipe_and_refreshes_none() -> None:
    steps = plan(Found(CURRENT, set(), {}))

    assert [action for action, title in steps if "PIPE IF NOT EXISTS" in title] == ["keep"] * 3
    assert "refresh" not in {action for action, _ in steps}


def test_a_pipe_whose_copy_has_changed_is_replaced_and_the_others_are_kept_sp03() -> None:
    changed = {**CURRENT, "MY_TABLE_PIPE": Pipe("MY_TABLE_PIPE", "COPY INTO X FROM @Y", "arn:queue")}

    steps = plan_deployment(SCRIPTS, NAMES, Found(changed, set(), {}), "millrace-lake")

    (replaced,) = [step for step in steps if step.action == "replace"]
    assert replaced.statement.startswith('CREATE OR REPLACE PIPE "MILLRACE"."READINGS"."MY_TABLE_PIPE"\n')
    assert replaced.target is not None
    assert pipe_copy(replaced.target) in replaced.statement
    assert [step.action for step in steps].count("keep") == 2


def test_a_new_pipe_on_a_table_with_rows_is_not_refreshed() -> None:
    """It does not know what the pipe before it loaded, and would load it again."""
    steps = plan(Found({}, {"MY_TABLE_RAW"}, {}))

    assert [title for action, title in steps if action == "refresh"] == [
        'ALTER PIPE "MILLRACE"."READINGS"."MY_TABLE_RAW_PIPE" REFRESH'
    ]


def test_only_the_chosen_scripts_are_planned() -> None:
    steps = plan_deployment(SCRIPTS, NAMES, Found(CURRENT, set(), {}), "millrace-lake", ("05",))

    assert {step.script for step in steps} == {"05_tables.sql", "bucket"}


def test_a_teardown_unwires_first_and_drops_nothing_that_is_shared() -> None:
    steps = plan_teardown(SCRIPTS, NAMES, "millrace-lake")

    assert steps[0].action == "unwire"
    assert not [
        s.title for s in steps if s.title.startswith(("DROP DATABASE", "DROP SCHEMA", "DROP ROLE", "DROP INTEG"))
    ]
    kinds = [step.title.split(" IF ")[0] for step in steps if step.title.startswith("DROP")]
    assert kinds.index("DROP TABLE") > max(i for i, kind in enumerate(kinds) if kind == "DROP PIPE")


class CopyCase(NamedTuple):
    id: str
    definition: str
    same: bool


COPIES = (
    CopyCase("the-same", "COPY INTO A\nFROM @B", True),
    CopyCase("other-white-space", "COPY  INTO A FROM   @B ;\n", True),
    CopyCase("another-table", "COPY INTO C FROM @B", False),
    CopyCase("an-option-more", "COPY INTO A FROM @B ON_ERROR = CONTINUE", False),
)


@pytest.mark.parametrize("case", COPIES, ids=lambda case: case.id)
def test_definitions_are_compared_without_white_space(case: CopyCase) -> None:
    assert is_same_copy(case.definition, "COPY INTO A\nFROM @B") is case.same
