"""Ranges of one partition's offsets that are taken, and what another one adds to them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Range(NamedTuple):
    """Offsets from `first` up to, and without, `end`."""

    first: int
    end: int


def is_taken(taken: Iterable[Range], offset: int) -> bool:
    """Whether an offset lies in one of these ranges."""
    return any(part.first <= offset < part.end for part in taken)


def touches(one: Range, other: Range) -> bool:
    """Whether two ranges overlap, or one begins where the other ends."""
    return one.first <= other.end and other.first <= one.end


def merge_range(taken: Iterable[Range], added: Range) -> Range:
    """The one range that an added range makes of itself and all that it touches."""
    touched = [added, *(part for part in taken if touches(part, added))]
    return Range(min(part.first for part in touched), max(part.end for part in touched))
