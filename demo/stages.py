"""What the demonstration of a pipeline does, as a list of commands. Pure, but for the question that it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.event_model import EventContract
from pipeline_contract.model import Contract
from pipeline_contract.ways import TableWay, derive_way_tables

QUESTIONS = Path(__file__).with_name("questions")
# What is replayed: files that are committed, after those that the sandbox writes from its packages.
COMMITTED_FILES = {"flights": ("data/flights_damaged.csv",), "readings": ("data/readings.csv",)}
SAMPLE_FILES = {"flights": ("flights.csv",), "readings": ()}
# A condition that leaves one partition of the lake, to show what is not read then.
SAMPLE_PARTITIONS = {"flights": "month = '2013-07'"}


@dataclass(frozen=True)
class Stage:
    """One step: its title, the module that does it with its arguments, and the exit codes after which the next may run."""

    title: str
    arguments: tuple[str, ...]
    tolerated: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Way:
    """The whole way; `down` ends what `up` has begun."""

    up: Stage
    stages: tuple[Stage, ...]
    proof: Stage
    down: Stage


Environment = tuple[str, str]
# Firehose and Snowpipe are done much sooner.
EVENTS_WAIT_S = 120


def plan_way(contract: Contract, environment: str, folder: Path, way: str = "lake") -> Way:
    """The way of a pipeline's sample data into its table, on an empty sandbox or on one with former state.

    Files that are made for it go to `folder`. Raises `ConfigurationError` for a pipeline without sample data, and for a
    way that there is not.
    """
    name, env = contract.name, ("--env", environment)
    if way not in WAY_STAGES:
        raise ConfigurationError(f"--way: found {way!r}, allowed: {', '.join(WAY_STAGES)}")
    if name not in COMMITTED_FILES:
        raise ConfigurationError(
            f"there is no sample data for {name!r}, only for {', '.join(sorted(COMMITTED_FILES))}; the README shows each "
            "step by hand, for files of your own"
        )
    samples = [str(folder / file) for file in SAMPLE_FILES[name]]
    stages = [
        plan_deployment(name, env, way),
        *(Stage("sample data", ("sandbox", "sample-data", name, path)) for path in samples),
        Stage("producer", ("kafka_producer", "replay", name, *samples, *COMMITTED_FILES[name], *env)),
        *WAY_STAGES[way](contract, env),
    ]
    proof = ("reconciliation", "check", name, *env, "--json", *(("--way", way) if way != "lake" else ()))
    return Way(
        up=Stage("sandbox up", ("sandbox", "up", *env)),
        stages=tuple(stages),
        proof=Stage("reconciliation", proof, tolerated=(0, 1, 4)),
        down=Stage("sandbox down", ("sandbox", "down", *env)),
    )


def plan_events(contract: EventContract, environment: str, folder: Path) -> Way:
    """The way of a contract's sample events, by HTTP into the staging table."""
    name, env, sample = contract.name, ("--env", environment), str(folder / f"{contract.name}.jsonl")
    return Way(
        up=Stage("sandbox up", ("sandbox", "up", *env)),
        stages=(
            Stage("deploy the SQL", ("snowflake_integration", "deploy", name, *env)),
            Stage("deploy the API", ("aws_integration", "api", "deploy", name, *env)),
            Stage("sample events", ("sandbox", "sample-data", "events", sample, "--contract", name)),
            Stage("post", ("aws_integration", "api", "post", name, sample, *env)),
            # What was refused, the reconciliation says with all details; it waits for Firehose too.
            Stage("Snowpipe", ("snowflake_integration", "wait-loaded", name, *env), tolerated=(0, 1, 4)),
            Stage("answer", ("snowflake_integration", "query", *env, "--pipeline", name, read_question(name))),
        ),
        proof=Stage(
            "reconciliation",
            ("reconciliation", "check", name, *env, "--wait", str(EVENTS_WAIT_S), "--json"),
            tolerated=(0, 1, 4),
        ),
        down=Stage("sandbox down", ("sandbox", "down", *env)),
    )


def plan_deployment(name: str, env: Environment, way: str) -> Stage:
    """What has to be there before the first row: tables in Snowflake, or the catalog of the objects."""
    if way == "s3":
        return Stage("deploy the catalog", ("aws_integration", "catalog", "deploy", name, *env))
    return Stage("deploy the SQL", ("snowflake_integration", "deploy", name, *env))


def plan_lake(contract: Contract, env: Environment) -> list[Stage]:
    """From the topic through Spark, S3 and Snowpipe."""
    name, question = contract.name, read_question(contract.name)
    return [
        Stage("Spark job", ("spark_streaming", "run", name, *env, "--available-now")),
        *(Stage("close windows", ("spark_streaming", "close", name, *env)) for _ in contract.aggregates[:1]),
        # What was refused or is late, the reconciliation says with all details.
        Stage("Snowpipe", ("snowflake_integration", "wait-loaded", name, *env), tolerated=(0, 1, 4)),
        Stage("answer", ("snowflake_integration", "query", *env, "--pipeline", name, question)),
    ]


def plan_direct(contract: Contract, env: Environment) -> list[Stage]:
    """From the topic straight into tables."""
    return plan_consumer(contract, env, "direct", "snowflake")


def plan_lambda(contract: Contract, env: Environment) -> list[Stage]:
    """From the topic through the pipeline's function into tables."""
    function = Stage("function", ("aws_integration", "function", "deploy", contract.name, *env))
    return [function, *plan_consumer(contract, env, "lambda", "lambda")]


def plan_consumer(contract: Contract, env: Environment, way: TableWay, destination: str) -> list[Stage]:
    """The consumer, and what is in the tables then."""
    name, table = contract.name, derive_way_tables(contract, way).curated.name
    question = f"select count(*) as rows_loaded, max(_loaded_at) as last_loaded_at from {table}"  # noqa: S608
    return [
        Stage("consumer", ("kafka_consumer", "run", name, "--to", destination, *env, "--available-now")),
        Stage("answer", ("snowflake_integration", "query", *env, "--pipeline", name, question)),
    ]


def plan_s3(contract: Contract, env: Environment) -> list[Stage]:
    """From the topic into objects, which a crawler and the contract describe, and Athena reads; one partition, then all."""
    name, question = contract.name, read_question(contract.name)
    one_partition = [
        Stage("Athena, one partition", ("aws_integration", "query", name, add_condition(question, condition), *env))
        for condition in (SAMPLE_PARTITIONS.get(name),)
        if condition
    ]
    return [
        Stage("consumer", ("kafka_consumer", "run", name, "--to", "s3", *env, "--available-now")),
        Stage("crawler", ("aws_integration", "catalog", "crawl", name, *env)),
        Stage("register", ("aws_integration", "catalog", "register", name, *env)),
        Stage("Athena", ("aws_integration", "query", name, question, *env)),
        *one_partition,
    ]


def read_question(name: str) -> str:
    """The question that the demonstration of a pipeline ends with."""
    return (QUESTIONS / f"{name}.sql").read_text(encoding="utf-8").strip()


def add_condition(question: str, condition: str) -> str:
    """The question over those rows alone that meet a condition."""
    return question.replace(" group by ", f" where {condition} group by ", 1)


WAY_STAGES: dict[str, Callable[[Contract, Environment], list[Stage]]] = {
    "lake": plan_lake,
    "direct": plan_direct,
    "s3": plan_s3,
    "lambda": plan_lambda,
}
