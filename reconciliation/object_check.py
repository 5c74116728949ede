"""Objects against manifests: one without the other, and those whose content is not what was published."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from pipeline_contract.manifest import LakeFile
from reconciliation.findings import Finding
from reconciliation.lake_party import LakeObject, LakeOutput
from reconciliation.ledger_party import QueryLedger

# The names that `layout.final_key` gives to the files of a batch, and of a closing operation.
_BATCH_KEY = re.compile(r"(?P<lineage>.+)-(?P<batch>\d{10})-\d{4}\..+")
_CLOSE_KEY = re.compile(r"close-(?P<number>\d{6})-\d{4}\..+")


def check_objects(
    lake: LakeOutput,
    before: Mapping[str, tuple[str, LakeFile]],
    after: Mapping[str, tuple[str, LakeFile]],
    is_staged: Callable[[LakeFile], bool],
    ledger: QueryLedger,
) -> Iterator[Finding]:
    """What the ledger and the listing of one output say differently of its objects.

    `before` and `after` are the published files by final key, read before and after the listing: what was published
    meanwhile is neither without its object nor an object without a manifest. `ledger` is that of the output's query.
    """
    zone = f"{lake.output.name} objects"
    found = {lake_object.key: lake_object for lake_object in lake.objects}
    for key, (entry, file) in before.items():
        if file.output == lake.output.name and key not in found:
            yield _report_gone(zone, key, entry, file, is_staged(file))
    for key, lake_object in found.items():
        if lake_object.trouble:
            yield Finding("altered", zone, f"{key} cannot be read: {lake_object.trouble}")
        if key not in after:
            yield Finding("unexplained", zone, f"{key} is in no manifest{_blame_entry(key, ledger)}", lake_object.rows)
        elif difference := _compare(lake_object, after[key][1]):
            text = f"{key} is not what manifest {after[key][0]} published: {difference}; one of the two was altered"
            yield Finding("altered", zone, text, lake_object.rows)


def _blame_entry(key: str, ledger: QueryLedger) -> str:
    """What became of the entry of which an object's name says that it published it."""
    if match := _BATCH_KEY.fullmatch(key.rpartition("/")[2]):
        entry = f"{ledger.prefix}{match['lineage']}/{match['batch']}.json"
    elif match := _CLOSE_KEY.fullmatch(key.rpartition("/")[2]):
        entry = f"{ledger.prefix}ops/{match['number']}.json"
    else:
        return ""
    known = entry in ledger.entries or entry in ledger.closes
    return f": {entry}, of which its name is, {'does not name it' if known else 'is gone or cannot be read'}"


def _report_gone(zone: str, key: str, entry: str, file: LakeFile, staged: bool) -> Finding:
    if staged:
        text = f"{key} of manifest {entry} is not published yet: the next start of the job publishes it from staging"
        return Finding("pending", zone, text, file.rows)
    return Finding("missing", zone, f"{key} is gone; manifest {entry} published it", file.rows)


def _compare(found: LakeObject, published: LakeFile) -> str:
    differences = [
        f"{name} {has}, published {had}"
        for name, has, had in (
            ("SHA-256", found.sha256[:12] + "…", published.sha256[:12] + "…"),
            ("bytes", found.bytes, published.bytes),
            ("rows", found.rows, published.rows),
        )
        if has != had
    ]
    return ", ".join(differences)
