"""The files of one output that hold its rows now, for a reader of the lake; no Spark is needed to list them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from connections.ledger import Ledger
from connections.operations import read_state
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.manifest import LakeFile
from pipeline_contract.model import Contract
from pipeline_contract.outputs import INGEST, derive_outputs


def list_current_files(settings: Settings, contract: Contract, output: str) -> list[LakeFile]:
    """The current files of an output of the ingest, by key."""
    known = [o.name for o in derive_outputs(contract) if o.kind != "aggregate"]
    if output not in known:
        raise ConfigurationError(f"--output: found {output!r}, allowed: {', '.join(known)}")
    ledger = Ledger(open_s3(settings.s3), settings.s3.bucket, contract.name, INGEST)
    return [file for _, file in sorted(read_state(ledger).current(output).items())]


def print_files(bucket: str, files: Iterable[LakeFile], as_json: bool) -> None:
    """Write the files' addresses a line each, or one JSON array with their rows, bytes and SHA-256."""
    if not as_json:
        sys.stdout.writelines(f"s3://{bucket}/{file.final_key}\n" for file in files)
        return
    entries = [
        {"file": f"s3://{bucket}/{f.final_key}", "rows": f.rows, "bytes": f.bytes, "sha256": f.sha256} for f in files
    ]
    sys.stdout.write(json.dumps(entries) + "\n")
