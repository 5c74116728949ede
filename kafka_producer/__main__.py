"""The command `python -m kafka_producer`: replay files into a pipeline's topic; create and check its topics."""

from __future__ import annotations

import gc
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from connections.settings import load_settings
from kafka_producer.message_encoder import Message
from kafka_producer.pacing import Pace, choose_pace
from kafka_producer.progress import draw_replay_id
from kafka_producer.report import ReplaySummary, build_table
from kafka_producer.session import ReplayOptions, check_client, preview_messages, replay_source
from kafka_producer.source import STANDARD_INPUT
from kafka_producer.topic import TopicState, ensure_topics, plan_topics
from pipeline_contract.access_lists import PARTIES, Party, derive_access, write_commands
from pipeline_contract.contract_file import find_contract, load_contract
from pipeline_contract.errors import NotFinished, PipelineError
from pipeline_contract.model import Contract

PREVIEW_ROWS = 5
GC_THRESHOLD = 200_000
REPLAY_EXAMPLE = "Example: python -m kafka_producer replay flights flights.csv --rate 1000"
TOPICS_EXAMPLE = "Example: python -m kafka_producer topics flights --env local"
ACLS_EXAMPLE = "Example: python -m kafka_producer acls flights stream --principal User:spark"

app = typer.Typer(
    help="Files into Kafka, every row exactly once.", no_args_is_help=True, pretty_exceptions_enable=False
)

Pipeline = Annotated[str, typer.Argument(help="The pipeline's name, or the path of its contract.")]
Environment = Annotated[str, typer.Option("--env", help="The environment: conf/environments/NAME.toml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do none of it.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print results and errors only.")]


@app.command(epilog=REPLAY_EXAMPLE)
def replay(  # noqa: PLR0917
    pipeline: Pipeline,
    files: Annotated[list[str], typer.Argument(help="CSV, JSON lines, Parquet; - is standard input.")],
    delay: Annotated[float | None, typer.Option(help="Seconds from one row to the next.")] = None,
    rate: Annotated[float | None, typer.Option(help="Rows per second.")] = None,
    speed: Annotated[float | None, typer.Option(help="Rows as they happened, at so many times real time.")] = None,
    limit: Annotated[int | None, typer.Option(min=0, help="Send at most so many more rows.")] = None,
    replay_id: Annotated[
        str | None, typer.Option(help="Send a finished file once more under this id; names standard input.")
    ] = None,
    client: Annotated[str, typer.Option(help="confluent or kafka-python.")] = "confluent",
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between progress lines off a terminal.")] = 5.0,
    env: Environment = "local",
    json: AsJson = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
) -> None:
    """Send the rows of files to the pipeline's topic, in the order given; a restart goes on where the last run ended."""
    talk = Console(stderr=True, quiet=quiet)
    with report_errors():
        contract = load_contract(find_contract(pipeline))
        if dry_run:
            count = PREVIEW_ROWS if limit is None else limit
            for path in files:
                print_preview(preview_messages(contract, path, replay_id, count), path, json)
            return
        settings = load_settings(env).kafka
        if STANDARD_INPUT in files and replay_id is None:
            replay_id = draw_replay_id()
            talk.print(f"standard input: to go on after a stop, give the same again with --replay-id {replay_id}")
        options = ReplayOptions(client, replay_id, interval)

        def run(path: str, left: int | None, stop: Event) -> ReplaySummary:
            pace: Pace = choose_pace(contract, delay, rate, speed)
            return replay_source(settings, contract, path, pace, left, options, stop, talk)

        check_client(client)
        choose_pace(contract, delay, rate, speed)
        # kafka-python would write to standard error by itself; errors reach the user through exceptions.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        # Rows make no cycles; at the usual threshold the collector would walk the open transaction all the time.
        gc.set_threshold(GC_THRESHOLD)
        with catch_signals() as stop:
            summaries = replay_files(files, limit, stop, run)
        print_summaries(summaries, json, quiet)
        if stop.is_set():
            raise NotFinished(
                "stopped; everything that was handed over is committed. To go on: the same command again"
                + (f", with --replay-id {replay_id}" if replay_id else "")
            )


@app.command(epilog=TOPICS_EXAMPLE)
def topics(
    pipeline: Pipeline, env: Environment = "local", json: AsJson = False, dry_run: DryRun = False, quiet: Quiet = False
) -> None:
    """Create the pipeline's topics where they are absent, and check those that are there against the contract."""
    with report_errors():
        contract = load_contract(find_contract(pipeline))
        if dry_run:
            states = [TopicState(plan, "", 0, False) for plan in plan_topics(contract)]
        else:
            states = ensure_topics(load_settings(env).kafka, contract)
        if json:
            print_json({"pipeline": contract.name, "topics": [describe_topic(state) for state in states]})
        elif not quiet:
            Console().print(build_topic_table(contract, states, "would be" if dry_run else "are"))


@app.command(epilog=ACLS_EXAMPLE)
def acls(
    pipeline: Pipeline,
    party: Annotated[Party, typer.Argument(help="; ".join(f"{name}: {what}" for name, what in PARTIES.items()))],
    principal: Annotated[str, typer.Option(help="Who is to have it: User:name, or User:CN=… of a certificate.")],
    env: Environment = "aws",
    json: AsJson = False,
) -> None:
    """Print what one party of the pipeline needs of the brokers, as lines of kafka-acls.sh."""
    with report_errors():
        contract, settings = load_contract(find_contract(pipeline)), load_settings(env).kafka
        accesses = derive_access(contract, party)
        if json:
            print_json([access._asdict() for access in accesses])
        else:
            typer.echo("\n".join(write_commands(principal, settings.bootstrap_servers, accesses)))


def replay_files(
    paths: list[str], limit: int | None, stop: Event, run: Callable[[str, int | None, Event], ReplaySummary]
) -> list[ReplaySummary]:
    """Replay one file after the other, until a stop or until `limit` rows have been sent in all."""
    summaries: list[ReplaySummary] = []
    for path in paths:
        left = None if limit is None else limit - sum(summary.rows for summary in summaries)
        if stop.is_set() or (left == 0 and summaries):
            break
        summaries.append(run(path, left, stop))
    return summaries


@contextmanager
def catch_signals() -> Iterator[Event]:
    """An event that SIGINT and SIGTERM set; the handlers that were there before come back at the end."""
    stop = Event()

    def handle(number: int, frame: object) -> None:  # noqa: ARG001
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def report_errors() -> Iterator[None]:
    """Turn an error that a user is meant to read into its message and its exit code."""
    try:
        yield
    except PipelineError as error:
        Console(stderr=True).print(
            f"kafka_producer: {error}", style="red", markup=False, highlight=False, soft_wrap=True
        )
        raise typer.Exit(error.exit_code) from error


def print_summaries(summaries: list[ReplaySummary], json: bool, quiet: bool) -> None:
    """The result: one JSON object, or a table."""
    if json:
        total = {
            name: sum(getattr(summary, name) for summary in summaries) for name in ("rows", "sent", "rejected", "bytes")
        }
        finished = all(summary.finished for summary in summaries)
        print_json({**total, "finished": finished, "files": [summary.model_dump() for summary in summaries]})
    elif not quiet:
        Console().print(build_table(summaries))


def print_preview(messages: list[Message], path: str, json: bool) -> None:
    """The messages that would be sent first."""
    if json:
        print_json({"path": path, "messages": [describe_message(message) for message in messages]})
        return
    table = Table(title=f"{path}: the first {len(messages)} messages; none is sent", title_justify="left")
    for name in ("topic", "partition", "key", "bytes", "value"):
        table.add_column(name, overflow="fold")
    for message in messages:
        table.add_row(*(str(value).replace("\x1f", "␟") for value in describe_message(message).values()))
    Console().print(table)


def describe_message(message: Message) -> dict[str, str | int]:
    """A message in plain values."""
    return {
        "topic": message.topic,
        "partition": message.partition,
        "key": message.key.decode(),
        "bytes": len(message.key) + len(message.value),
        "value": message.value.decode(),
    }


def describe_topic(state: TopicState) -> dict[str, object]:
    """A topic in plain values."""
    return {
        "name": state.plan.name,
        "id": state.topic_id,
        "partitions": state.plan.partitions,
        "replicas": state.replicas,
        "created": state.created,
        **state.plan.config,
    }


def build_topic_table(contract: Contract, states: list[TopicState], verb: str) -> Table:
    """The topics as a table."""
    title = f"The topics of {contract.name} {verb} as the contract says"
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for state in states:
        table.add_column(state.plan.name, overflow="fold")
    described = [describe_topic(state) for state in states]
    for name in ("partitions", "cleanup.policy", "retention.ms", "max.message.bytes", "replicas", "id", "created"):
        table.add_row(name, *(str(topic.get(name, "—")) for topic in described))
    return table


def print_json(value: object) -> None:
    """One JSON object on standard output."""
    typer.echo(orjson.dumps(value))


if __name__ == "__main__":
    app(prog_name="python -m kafka_producer")
