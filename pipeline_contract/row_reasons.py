"""Why a row is rejected, as the JSON text that rejected rows carry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline_contract.json_texts import escape_text

# How much of a wrong value a reason shows; the whole of it stands in the rejected row's bytes.
SHOWN_CHARACTERS = 100


class Reason(NamedTuple):
    """One reason: its name, the column that it is about, and the begin of what was found there."""

    reason: str
    column: str | None = None
    found: str | None = None


def make_reason(reason: str, column: str | None = None, found: str | None = None) -> Reason:
    """A reason that shows no more of what was found than it should."""
    return Reason(reason, column, None if found is None else found[:SHOWN_CHARACTERS])


def write_reasons(reasons: Iterable[Reason]) -> str:
    """The reasons as a JSON array of objects without their nulls, to the letter as the Spark job writes it."""
    return f"[{','.join(_write_object(reason) for reason in reasons)}]"


def _write_object(reason: Reason) -> str:
    fields = (f'"{name}":{escape_text(text)}' for name, text in reason._asdict().items() if text is not None)
    return f"{{{','.join(fields)}}}"
