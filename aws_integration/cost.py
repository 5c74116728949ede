"""What a query costs. Pure."""

from __future__ import annotations

import math

# On-demand SQL queries in us-east-1: aws.amazon.com/athena/pricing. Bytes are rounded up to whole megabytes, and a query
# that scans fewer than ten counts as ten.
USD_PER_TB = 5.0
LEAST_BYTES = 10_000_000
_MB, _TB = 10**6, 10**12


def estimate_cost_usd(bytes_scanned: int) -> float:
    """The price of a query that has scanned so many bytes, in US dollars; a region may have another."""
    return max(math.ceil(bytes_scanned / _MB) * _MB, LEAST_BYTES) / _TB * USD_PER_TB
