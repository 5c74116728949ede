"""The price of a query, by the rules of Athena's price list."""

from __future__ import annotations

import pytest

from aws_integration.cost import estimate_cost_usd


@pytest.mark.parametrize(
    ("bytes_scanned", "usd"),
    [
        (0, 0.00005),
        (10_000_000, 0.00005),
        (10_000_001, 0.000055),
        (1_000_000_000_000, 5.0),
    ],
    ids=["least", "ten megabytes", "rounded up", "a terabyte"],
)
def test_the_cost_follows_the_bytes(bytes_scanned: int, usd: float) -> None:
    assert estimate_cost_usd(bytes_scanned) == pytest.approx(usd)
