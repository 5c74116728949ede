"""Ranges of offsets: whatever is added in whatever order, what is taken is what was added."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline_contract.offset_ranges import Range, is_taken, merge_range

RANGES = st.builds(lambda first, length: Range(first, first + length), st.integers(0, 40), st.integers(1, 12))


@given(st.lists(RANGES, max_size=12))
def test_what_was_added_is_taken_and_nothing_else(added: list[Range]) -> None:
    taken: set[Range] = set()
    for part in added:
        merged = merge_range(taken, part)
        taken = {kept for kept in taken if not (merged.first <= kept.first and kept.end <= merged.end)} | {merged}

    wanted = {offset for part in added for offset in range(*part)}
    assert {offset for offset in range(60) if is_taken(taken, offset)} == wanted
    ordered = sorted(taken)
    # None of them touches another one.
    assert all(one.end < other.first for one, other in itertools.pairwise(ordered))


def test_what_lies_within_a_taken_range_leaves_it_as_it_is() -> None:
    taken = (Range(0, 10), Range(20, 30))

    assert merge_range(taken, Range(3, 10)) == Range(0, 10)
    assert merge_range(taken, Range(10, 20)) == Range(0, 30)
    assert merge_range(taken, Range(12, 15)) == Range(12, 15)
