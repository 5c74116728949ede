"""The rows of an output after operations: of each position the version of the newest backfill that took it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from pipeline_contract.current_set import derive_current_set
from pipeline_contract.errors import PublishConflict
from pipeline_contract.manifest import Backfill
from reconciliation.content_check import identify_rows, mark_differing
from reconciliation.findings import Finding
from reconciliation.lake_party import LakeOutput
from reconciliation.ledger_party import QueryLedger
from reconciliation.places import describe_rows
from reconciliation.row_keys import drop_repeated, empty_zone, first_places, is_among, make_zone, mark_repeated

Lake = Mapping[str, LakeOutput]
ZONE = "current set"


def take_effect(live: Lake, replaced: Lake, backfills: Iterable[Backfill]) -> dict[str, LakeOutput]:
    """The outputs as they stand after these backfills, in order; a compaction changes no row.

    `live` is what lies under the outputs' prefixes, `replaced` what operations have published.
    """
    rows = {name: output.rows for name, output in live.items()}
    for backfill in backfills:
        new = {name: _select_replacements(replaced[name], backfill) for name in live}
        taken = pa.concat_tables([make_zone(new[name]) for name in ("curated", "rejected")])["position"]
        for name in ("curated", "rejected"):
            rows[name] = rows[name].filter(pc.invert(is_among(make_zone(rows[name])["position"], taken)))
        rows = {name: pa.concat_tables([rows[name], new[name]]) for name in live}
    return {name: _with_rows(output, rows[name]) for name, output in live.items()}


def check_current_set(live: Lake, replaced: Lake, effective: Lake, ledger: QueryLedger) -> Iterator[Finding]:
    """What the ledger calls the current files of an output holds each of its rows once, and as it was published."""
    if not ledger.operations:
        return
    manifests, operations = [m for _, m in ledger.manifests], [o for _, o in sorted(ledger.operations.items())]
    for name in ("raw", "curated", "rejected"):
        try:
            keys = derive_current_set(manifests, operations, name)
        except PublishConflict as error:
            yield Finding("altered", ZONE, str(error))
            continue
        all_rows = pa.concat_tables([live[name].rows, replaced[name].rows])
        current = all_rows.filter(pc.is_in(all_rows["place"], value_set=pa.array(list(keys), pa.string())))
        wanted = effective[name].rows
        known = pa.array([file.final_key for _, file in ledger.published], pa.string())
        # An object that no manifest names is a finding of its own.
        wanted = wanted.filter(pc.or_(pc.is_in(wanted["place"], value_set=known), _in_operations(wanted)))
        yield from _compare_sets(identify_rows(current, live[name]), identify_rows(wanted, live[name]), name)


def _compare_sets(current: pa.Table, wanted: pa.Table, name: str) -> Iterator[Finding]:
    limit = 20
    repeated = current.filter(mark_repeated(current["_key"]))
    absent = wanted.filter(pc.invert(is_among(wanted["_key"], current["_key"])))
    foreign = current.filter(pc.invert(is_among(current["_key"], wanted["_key"])))
    found = (
        ("duplicate", repeated, "more than once"),
        ("missing", absent, "not"),
        ("unexplained", foreign, "for no reason"),
    )
    for kind, rows, words in found:
        if rows.num_rows:
            text = f"the current {name} files hold rows {words}: {describe_rows(rows, limit)}"
            yield Finding(kind, ZONE, text, rows.num_rows)  # type: ignore[arg-type]
    once = drop_repeated(current, "_key")
    places = first_places(wanted["_key"], once["_key"])
    there, found_rows = wanted.filter(pc.is_valid(places)), once.take(pc.drop_null(places))
    columns = [column for column in wanted.column_names if column not in ("place", "place_row", "_key")]
    differing = [c for c in columns if pc.any(mark_differing(there[c], found_rows[c])).as_py()]
    if differing:
        yield Finding(
            "altered", ZONE, f"the current {name} files differ in {', '.join(differing)} from what was published"
        )


def _in_operations(rows: pa.Table) -> pa.ChunkedArray:
    return pc.starts_with(rows["place"], "operations/")


def _select_replacements(output: LakeOutput, backfill: Backfill) -> pa.Table:
    keys = [file.final_key for file in backfill.replacements if file.output == output.output.name]
    return output.rows.filter(pc.is_in(output.rows["place"], value_set=pa.array(list(keys), pa.string())))


def _with_rows(output: LakeOutput, rows: pa.Table) -> LakeOutput:
    return replace(output, rows=rows, zone=empty_zone() if output.output.kind == "aggregate" else make_zone(rows))
