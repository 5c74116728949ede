"""PUT: the connector itself copies the file; it asks where to, and how."""

from __future__ import annotations

import re
from typing import Any

from sandbox.snowflake.services import Services
from sandbox.snowpipe.copy_statement import parse_stage_path
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import SessionScope
from sandbox.snowpipe.sql_reader import StatementReader, get_text, is_true
from sandbox.snowpipe.user_stage import USER_STAGE

# Of an address without quotes the tokenizer would take all behind the slashes for a comment.
_PUT = re.compile(r"\s*PUT\s+(?:'file://(?P<quoted>[^']*)'|file://(?P<bare>\S+))\s+(?P<rest>'?@.*)", re.I | re.S)
_PARALLEL = 4


def plan_upload(services: Services, text: str, scope: SessionScope) -> dict[str, Any] | None:
    """Return the `data` with which the connector carries out a PUT, or None for another statement."""
    match = _PUT.match(text)
    if match is None:
        return None
    reader = StatementReader(match["rest"])
    target = parse_stage_path(reader.take_stage_path(), scope)
    options = reader.take_options()
    if target.stage != USER_STAGE:
        raise SqlError("SQL compilation error:\nPUT is emulated for the user's stage @~ only.", 2, "0A000")
    folder = services.warehouse.store.user_stage.prepare_folder(target.path)
    return {
        "command": "UPLOAD",
        "src_locations": [match["quoted"] or match["bare"]],
        "parallel": _PARALLEL,
        "autoCompress": get_text(options, "AUTO_COMPRESS", "TRUE").upper() != "FALSE",
        "sourceCompression": get_text(options, "SOURCE_COMPRESSION", "AUTO_DETECT").lower(),
        "overwrite": is_true(options.get("OVERWRITE")),
        "stageInfo": {"locationType": "LOCAL_FS", "location": str(folder), "creds": {}},
        "statementTypeId": 0,
    }
