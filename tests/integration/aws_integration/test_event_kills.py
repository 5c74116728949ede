"""The emulated AWS killed under a sender of events, three times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.aws_integration.event_kills import kill_under_a_sender


@pytest.mark.chaos_short
def test_three_kills_lose_and_double_no_event(tmp_path: Path) -> None:
    kill_under_a_sender(tmp_path, kills=3, count=1_000, bad=50)
