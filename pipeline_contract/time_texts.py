"""Times as text by Spark's date patterns, for a declared part of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pipeline_contract.time_patterns import MONTH_NAMES, SHORT_NAMES, split_pattern

WriteTime = Callable[[datetime], str]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WRITERS: dict[str, WriteTime] = {
    "yyyy": lambda time: f"{time.year:04d}",
    "yy": lambda time: f"{time.year % 100:02d}",
    "y": lambda time: str(time.year),
    "MMMM": lambda time: MONTH_NAMES[time.month - 1],
    "MMM": lambda time: SHORT_NAMES[time.month - 1],
    "MM": lambda time: f"{time.month:02d}",
    "M": lambda time: str(time.month),
    "dd": lambda time: f"{time.day:02d}",
    "d": lambda time: str(time.day),
    "EEEE": lambda time: _DAYS[time.weekday()],
    "E": lambda time: _DAYS[time.weekday()][:3],
    "HH": lambda time: f"{time.hour:02d}",
    "H": lambda time: str(time.hour),
    "hh": lambda time: f"{(time.hour + 11) % 12 + 1:02d}",
    "h": lambda time: str((time.hour + 11) % 12 + 1),
    "a": lambda time: "AM" if time.hour < 12 else "PM",
    "mm": lambda time: f"{time.minute:02d}",
    "m": lambda time: str(time.minute),
    "ss": lambda time: f"{time.second:02d}",
    "s": lambda time: str(time.second),
    "SSS": lambda time: f"{time.microsecond // 1000:03d}",
    "SSSSSS": lambda time: f"{time.microsecond:06d}",
}


def compile_time_text(pattern: str) -> WriteTime:
    """What writes a time by a pattern of Spark's; `ValueError` names letters that are not declared."""
    writers = list[WriteTime]()
    for piece in split_pattern(pattern):
        if not piece.is_field:
            writers.append(lambda _, text=piece.text: text)  # type: ignore[misc]
        elif piece.text in _WRITERS:
            writers.append(_WRITERS[piece.text])
        else:
            raise ValueError(f"{piece.text!r} in the pattern {pattern!r} is not among: {' '.join(_WRITERS)}")
    return lambda time: "".join(write(time) for write in writers)
