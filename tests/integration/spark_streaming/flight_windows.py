"""The flights contract under a name of its own, and its hourly windows as plain Python computes them from the curated rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from connections.settings import Settings
from tests.integration.spark_streaming.job_runs import Pipeline

Window = tuple[datetime, str, str]
Figures = tuple[int, int, float | None]
AGGREGATE = "hourly_departures"


def build_flights(folder: Path, name: str, settings: Settings, variables: dict[str, str]) -> Pipeline:
    """The flights pipeline on topics, prefixes, tables and checkpoints of its own."""
    text = Path("conf/pipelines/flights.toml").read_text()
    renamed = text.replace('name = "flights"\n', f'name = "{name}"\n').replace('"FLIGHTS"', f'"{name}"')
    (folder / f"{name}.toml").write_text(renamed)
    return Pipeline(folder, name, settings, variables, str(folder / "checkpoints"))


def check_windows(flights: Pipeline) -> int:
    """Hold that the view's windows are exactly those of the curated rows that were not late, and return how many were."""
    late = flights.list_rows(f"late/{AGGREGATE}")
    late_offsets = set(zip(late["_partition"].to_pylist(), late["_offset"].to_pylist(), strict=True))
    assert list_differences(flights, late_offsets) == {}
    return len(late_offsets)


def list_differences(
    flights: Pipeline, left_out: set[tuple[int, int]]
) -> dict[Window, tuple[Figures | None, Figures | None]]:
    """The windows that the view shows otherwise than plain Python computes them: what it shows, what is right."""
    found, right = read_view(flights), compute_windows(flights.list_rows("curated"), left_out)
    return {w: (found.get(w), right.get(w)) for w in sorted({*found, *right}) if found.get(w) != right.get(w)}


def read_view(flights: Pipeline) -> dict[Window, Figures]:
    """The windows that the warehouse's view shows, each once."""
    columns = (
        '"WINDOW_START" as w, "ORIGIN" as o, "CARRIER" as c, "DEPARTURES" as n, "CANCELLED" as x, "MEAN_DEP_DELAY" as m'
    )
    published = flights.query(f"select {columns} from flights_{AGGREGATE}")
    found = {(row["W"], row["O"], row["C"]): (row["N"], row["X"], row["M"]) for row in published}
    assert len(found) == len(published)
    return found


def check_late_flights(flights: Pipeline, path: Path, batch_rows: int) -> None:
    """Run a file most of whose rows are late, and hold each figure against plain Python: closed, then backfilled."""
    sent = len(path.read_text().splitlines()) - 1
    flights.deploy()
    flights.replay(path)
    drain = ["run", "--available-now", "--max-offsets-per-trigger", str(batch_rows)]
    done = flights.run_verbs(drain, ["close"])
    assert done.code == 0, done.error

    result = flights.reconcile()
    assert (result["produced"], result["loaded"], result["rejected"]) == (sent, sent, 0)
    assert result["complete"], result["findings"]
    assert result["open_windows"] == {AGGREGATE: 0}
    # The aggregate leaves exactly the late rows out, which are named; the curated table does not.
    late = check_windows(flights)
    assert sent / 2 < late < sent
    assert result["late_rows"] == {AGGREGATE: late}
    drained = next(event for event in done.events if event["event"] == "summary")
    assert drained["rows"][f"aggregate-{AGGREGATE}"][f"late/{AGGREGATE}"] == late

    year = ("--from", "2013-01-01", "--to", "2014-01-01T12:00:00")
    backfilled = flights.run("backfill", str(flights.path), *year)
    assert backfilled.code == 0, backfilled.error
    applied = flights.command("snowflake_integration", "apply-backfill", str(flights.path))
    assert applied.returncode == 0, applied.stderr
    assert list_differences(flights, set()) == {}
    result = flights.reconcile()
    assert result["complete"], result["findings"]
    assert (result["loaded"], result["late_rows"]) == (sent, {AGGREGATE: 0})


def compute_windows(curated: pa.Table, left_out: set[tuple[int, int]]) -> dict[Window, Figures]:
    """Departures, cancelled ones and the mean delay by hour, origin and carrier."""
    names = ["_partition", "_offset", "_event_time", "origin", "carrier", "cancelled", "dep_delay"]
    delays: defaultdict[Window, list[int | None]] = defaultdict(list)
    cancelled: defaultdict[Window, int] = defaultdict(int)
    columns = [curated[name].to_pylist() for name in names]
    for partition, offset, at, origin, carrier, is_cancelled, delay in zip(*columns, strict=True):
        if (partition, offset) not in left_out:
            window = (at.replace(minute=0, second=0, microsecond=0), origin, carrier)
            delays[window].append(delay)
            cancelled[window] += is_cancelled
    return {window: (len(of), cancelled[window], compute_mean(of)) for window, of in delays.items()}


def compute_mean(values: list[int | None]) -> float | None:
    """The mean of the known values."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
