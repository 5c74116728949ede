"""How long a service that is away is waited for: what is asked of it is asked again until it answers, or for so long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_exponential_jitter,
)

from pipeline_contract.errors import ServiceError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Patience:
    """For how many seconds a run keeps trying; a run that is asked to stop gives up at the next failure."""

    seconds: float
    stop: Event
    say: Say

    def retrying(self) -> Retrying:
        """Calls a function until it raises no `ServiceError` any more, telling of each; the last one passes through."""
        return Retrying(
            retry=retry_if_exception_type(ServiceError),
            wait=wait_exponential_jitter(multiplier=0.2, max=10),
            stop=stop_after_delay(self.seconds) | stop_when_event_set(self.stop),
            sleep=sleep_using_event(self.stop),
            before_sleep=self._tell,
            reraise=True,
        )

    def _tell(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        self.say(f"attempt {state.attempt_number} failed, trying again: {error}")
