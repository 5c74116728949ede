"""The contract applied to posted events: each is accepted as it will be kept, or refused with every reason. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Context, Decimal
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from pipeline_contract.event_body import EventReason, PostedEvent, find_oddities
from pipeline_contract.event_model import EventContract
from pipeline_contract.event_schema import derive_event_schema

# Firehose takes 1,000 KiB a record before its base64: docs.aws.amazon.com/firehose/latest/dev/limits.html. What the
# handler adds fits into the rest.
MAX_EVENT_BYTES = 1_000 * 1024 - 4_096
# The largest double has 309 digits before the point, the smallest 1,074 behind it.
_EXACT = Context(prec=1_500)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2})")
_MESSAGE = 300


class JudgedEvent(NamedTuple):
    """One event after its judgement: refused where it has reasons, else its content as it will be kept, and its digest.

    `event_id` is the sender's, also of a refused event if it is text of a sensible length.
    """

    posted: PostedEvent
    event_id: str | None
    reasons: tuple[EventReason, ...]
    content: dict[str, Any]
    digest: str


def compile_event_judge(contract: EventContract) -> Callable[[PostedEvent], JudgedEvent]:
    """The judge of a contract's events."""
    validator = _Validator(derive_event_schema(contract), format_checker=_FORMATS)
    max_depth = contract.api.max_depth

    def judge(posted: PostedEvent) -> JudgedEvent:
        event_id = find_event_id(posted.value)
        if size := _find_size_reason(posted.text):
            return JudgedEvent(posted, event_id, (size,), {}, "")
        oddities = find_oddities(posted.value, max_depth)
        # The validator would go as deep as the event does.
        reasons = oddities or sorted(set(_find_reasons(validator, posted.value)))
        if reasons:
            return JudgedEvent(posted, event_id, tuple(reasons), {}, "")
        content = posted.value | {"occurred_at": read_time(posted.value["occurred_at"])}
        return JudgedEvent(posted, event_id, (), content, digest_event(content))

    return judge


def find_event_id(value: Any) -> str | None:
    """The id that an event gives itself, if it is usable at all."""
    found = value.get("event_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and 0 < len(found) <= 128 and found.isprintable() else None


def digest_event(content: dict[str, Any]) -> str:
    """A fingerprint of what an event says: equal for equal values, however keys are ordered and numbers are written."""
    text = json.dumps(_plain(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def read_time(text: str) -> str:
    """A time of RFC 3339 in UTC, to the microsecond and without a zone; `ValueError` where it is none."""
    if not _TIME.fullmatch(text):
        raise ValueError("no RFC 3339 time with an offset")
    try:
        at = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError("outside of the years 1 to 9999 in UTC") from None
    return at.replace(tzinfo=None).isoformat(timespec="microseconds")


def _find_size_reason(text: str) -> EventReason | None:
    size = len(text.encode())
    if size <= MAX_EVENT_BYTES:
        return None
    return EventReason("size", "", f"the event has {size:,} bytes, allowed: {MAX_EVENT_BYTES:,}")


def _find_reasons(validator: Any, value: Any) -> Iterator[EventReason]:
    for error in validator.iter_errors(value):
        pointer = "".join(f"/{step}" for step in error.absolute_path)
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            for name in missing:
                yield EventReason(f"required:{pointer}/{name}", f"{pointer}/{name}", "is missing")
        else:
            yield EventReason(f"{error.validator}:{pointer or '/'}", pointer, _describe(error))


def _describe(error: Any) -> str:
    """What is wrong, and what is allowed; the value that was found is cut."""
    found = json.dumps(error.instance, default=str)
    found = found if len(found) <= 60 else found[:57] + "..."
    match error.validator:
        case "type":
            allowed = error.validator_value
            words = allowed if isinstance(allowed, str) else " or ".join(allowed)
            return f"found {found}, allowed: {words}"
        case "enum":
            return f"found {found}, allowed: {', '.join(error.validator_value)}"
        case "format":
            return f"found {found}, allowed: {_FORMAT_WORDS[str(error.validator_value)]}"
        case "additionalProperties":
            allowed = ", ".join(error.schema["properties"])
            unknown = sorted(set(error.instance) - set(error.schema["properties"]))
            return f"unknown: {', '.join(map(repr, unknown))[:100]}; allowed: {allowed}"
    return str(error.message)[:_MESSAGE]


def _match_to_the_end(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """The keyword `pattern` as its specification has it: `$` is the very end, also after a line break."""
    strict = pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern
    if isinstance(instance, str) and not re.search(strict, instance):
        yield ValidationError(f"found {json.dumps(instance)[:60]}, allowed: text that matches {pattern}")


def _is_time(text: object) -> bool:
    if isinstance(text, str):
        read_time(text)
    return True


def _is_date(text: object) -> bool:
    return not isinstance(text, str) or (date.fromisoformat(text).isoformat() == text)


def _plain(value: Any) -> Any:
    """The value with each number as its shortest text, so that 1.0, 1 and 1e0 are one."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return ["number", _write_number(value)]
    if isinstance(value, dict):
        return {key: _plain(held) for key, held in value.items()}
    return [_plain(held) for held in value]


def _write_number(value: float | Decimal) -> str:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return format(exact.normalize(_EXACT), "f") if exact else "0"


_FORMAT_WORDS = {
    "date": "a date such as 2026-01-31",
    "date-time": "a time such as 2026-01-31T12:00:00Z, with an offset from UTC",
}
_FORMATS = FormatChecker(formats=())
_FORMATS.checks("date-time", ValueError)(_is_time)
_FORMATS.checks("date", ValueError)(_is_date)
_Validator = extend(Draft202012Validator, {"pattern": _match_to_the_end})  # type: ignore[no-untyped-call]
