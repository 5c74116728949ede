"""Numbers as a reader takes them in: 3-7, 9, 12-40."""

from __future__ import annotations

from collections.abc import Iterable


def compress_ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The closed ranges that hold exactly these numbers, in order."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def format_ranges(numbers: Iterable[int], limit: int) -> str:
    """The numbers as ranges; beyond `limit` ranges only how many numbers more there are."""
    ranges = compress_ranges(numbers)
    shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges[:limit])
    hidden = sum(last - first + 1 for first, last in ranges[limit:])
    return f"{shown} and {hidden} more" if hidden else shown
