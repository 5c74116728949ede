"""The names of delivered objects, pure: docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html and basic-deliver.html."""

from __future__ import annotations

import random
import re
import string
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from sandbox.aws.refusals import CallRefused

EXPRESSION = re.compile(r"!\{(?P<namespace>[A-Za-z]+):(?P<value>[^{}]+)\}")
PATTERN_PART = re.compile(r"'(?P<quoted>[^']*)'|(?P<letters>([A-Za-z])\3*)|(?P<other>[^A-Za-z'])")
FAILURE = "processing-failed"
HOURS = "!{timestamp:yyyy/MM/dd/HH}/"
# Of Java's DateTimeFormatter: the letter, and what it stands for in `datetime`'s own directives.
NUMBERS = {"M": "%m", "d": "%d", "H": "%H", "m": "%M", "s": "%S", "D": "%j", "S": "%f"}
YEARS = "yu"


class Expression(NamedTuple):
    """One `!{namespace:value}`."""

    namespace: str
    value: str


def list_expressions(prefix: str) -> list[Expression]:
    """The expressions of a prefix; refuses what Firehose would not evaluate."""
    rest = EXPRESSION.sub("", prefix)
    if "!{" in rest:
        raise CallRefused(
            "InvalidArgumentException", f"prefix {prefix!r}: !{{ begins no expression !{{namespace:value}}"
        )
    found = [Expression(match["namespace"], match["value"]) for match in EXPRESSION.finditer(prefix)]
    for namespace, value in found:
        known = namespace in ("timestamp", "partitionKeyFromQuery") or (
            namespace == "firehose" and value in ("random-string", "error-output-type")
        )
        if not known:
            raise CallRefused(
                "InvalidArgumentException", f"prefix {prefix!r}: no such expression !{{{namespace}:{value}}}"
            )
        if namespace == "timestamp":
            format_time(value, datetime.min.replace(tzinfo=UTC))
    return found


def check_prefixes(prefix: str, error_prefix: str, keys: frozenset[str] | None) -> None:
    """Refuse prefixes against the page's semantic rules; `keys` are those of dynamic partitioning, None without it."""
    wanted, on_error = list_expressions(prefix), list_expressions(error_prefix)
    output_type = Expression("firehose", "error-output-type")
    named = {value for namespace, value in wanted if namespace == "partitionKeyFromQuery"}
    problems = {
        "Prefix can't contain !{firehose:error-output-type}": output_type in wanted,
        "ErrorOutputPrefix can be null only if Prefix contains no expressions": bool(wanted) and not error_prefix,
        "ErrorOutputPrefix with an expression must include !{firehose:error-output-type}": bool(on_error)
        and output_type not in on_error,
        "ErrorOutputPrefix can't contain partition keys": any(e.namespace == "partitionKeyFromQuery" for e in on_error),
        "Prefix has partition keys, but dynamic partitioning is not enabled": keys is None and bool(named),
        "dynamic partitioning needs an ErrorOutputPrefix": keys is not None and not error_prefix,
        "Prefix must contain partition keys when dynamic partitioning is enabled": keys is not None and not named,
        f"MetadataExtractionQuery does not name {', '.join(sorted(named - (keys or named)))}": not named
        <= (keys or named),
    }
    for problem, is_so in problems.items():
        if is_so:
            raise CallRefused("InvalidArgumentException", problem)


def evaluate_prefix(prefix: str, moment: datetime, keys: Mapping[str, str]) -> str:
    """A prefix as it stands in an object's name; one that names neither time nor partition gets the hour."""
    namespaces = {expression.namespace for expression in list_expressions(prefix)}
    dated = prefix if namespaces & {"timestamp", "partitionKeyFromQuery"} else prefix + HOURS
    return _evaluate(dated, moment, keys)


def evaluate_error_prefix(error_prefix: str, prefix: str, moment: datetime) -> str:
    """The prefix of what could not be processed; without expressions, or without any prefix, it names the failure too."""
    base = error_prefix or prefix
    named = base if list_expressions(base) else base + "!{firehose:error-output-type}/" + HOURS
    return _evaluate(named, moment, {})


def build_suffix(stream: str, version: int, moment: datetime, extension: str) -> str:
    """The part of an object's name after the prefix."""
    return f"{stream}-{version}-{moment:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}{extension}"


def format_time(pattern: str, moment: datetime) -> str:
    """A moment by a pattern of Java's DateTimeFormatter; letters other than years to fractions of seconds are refused."""
    parts = []
    position = 0
    while position < len(pattern):
        match = PATTERN_PART.match(pattern, position)
        if match is None:
            raise CallRefused("InvalidArgumentException", f"timestamp pattern {pattern!r}: a quote is not closed")
        parts.append(_format_part(match, moment, pattern))
        position = match.end()
    return "".join(parts)


def _format_part(match: re.Match[str], moment: datetime, pattern: str) -> str:
    letters = match["letters"]
    if not letters:
        return match["other"] or match["quoted"] or "'"
    letter, width = letters[0], len(letters)
    if letter in YEARS:
        return f"{moment.year % 100:02}" if width == 2 else f"{moment.year:0{width}}"
    if letter == "S":
        return f"{moment.microsecond:06}000"[:width]
    if letter == "M" and width > 2:
        return f"{moment:%b}" if width == 3 else f"{moment:%B}"
    if letter not in NUMBERS:
        raise CallRefused("InvalidArgumentException", f"timestamp pattern {pattern!r}: {letters!r} is not emulated")
    return f"{int(moment.strftime(NUMBERS[letter])):0{width}}"


def _evaluate(prefix: str, moment: datetime, keys: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        namespace, value = match["namespace"], match["value"]
        if namespace == "timestamp":
            return format_time(value, moment)
        if namespace == "partitionKeyFromQuery":
            # A record that came before an update of the query may lack it.
            return keys.get(value, "")
        # docs: error-output-type is one of a few words, random-string is 11 characters, each instance its own.
        return FAILURE if value == "error-output-type" else "".join(random.choices(string.ascii_letters, k=11))

    return EXPRESSION.sub(replace, prefix)
