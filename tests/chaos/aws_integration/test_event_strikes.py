"""The emulated AWS killed under a sender of events, thirty times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.aws_integration.event_kills import kill_under_a_sender

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]


def test_thirty_kills_lose_and_double_no_event(tmp_path: Path) -> None:
    kill_under_a_sender(tmp_path, kills=30, count=6_000, bad=300)
