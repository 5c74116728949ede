"""How often a key may ask: docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from sandbox.api_gateway.apis import Quota


@dataclass
class TokenBucket:
    """Holds as many tokens as a burst may take, and is filled at the rate."""

    rate: float
    burst: float
    tokens: float
    filled_s: float

    def take(self, now_s: float) -> bool:
        """Take a token if there is one."""
        self.tokens = min(self.burst, self.tokens + (now_s - self.filled_s) * self.rate)
        self.filled_s = now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Usage:
    """What has been used of rates and quotas, since this process began; a limit that changes begins anew."""

    def __init__(self, read_clock_s: Callable[[], float]) -> None:
        self._read_clock_s = read_clock_s
        self._buckets: dict[Hashable, TokenBucket] = {}
        self._used: dict[Hashable, int] = {}
        self._lock = Lock()

    def is_within_rate(self, whose: Hashable, rate: float | None, burst: int | None) -> bool:
        """Take a token of a rate; a limit that is None does not limit."""
        if rate is None and burst is None:
            return True
        now_s = self._read_clock_s()
        limits = (float("inf") if rate is None else rate, float("inf") if burst is None else burst)
        with self._lock:
            bucket = self._buckets.get(whose)
            if bucket is None or (bucket.rate, bucket.burst) != limits:
                bucket = self._buckets[whose] = TokenBucket(*limits, limits[1], now_s)
            return bucket.take(now_s)

    def is_within_quota(self, whose: Hashable, quota: Quota | None) -> bool:
        """Take a request of a quota."""
        if quota is None:
            return True
        period = (whose, begin_period(quota, datetime.fromtimestamp(self._read_clock_s(), UTC)))
        with self._lock:
            used = self._used.get(period, quota.offset)
            if used >= quota.limit:
                return False
            self._used[period] = used + 1
            return True


def begin_period(quota: Quota, now: datetime) -> datetime:
    """When the day, week or month of a quota began."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if quota.period == "WEEK":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    return day.replace(day=1) if quota.period == "MONTH" else day
