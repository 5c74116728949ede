"""Faults that a test asks for, and what the sandbox tells of a stream: /_sandbox/firehose, which is not part of AWS's API."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class Faults(BaseModel):
    """What goes wrong next with one stream; forgotten when the process ends."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    fail_records: int = Field(default=0, ge=0)
    """So many records are refused with ServiceUnavailableException."""
    repeat_deliveries: int = Field(default=0, ge=0)
    """So many deliveries are made twice, as objects of two names."""
    hold: bool = False
    """Nothing is delivered until this is false again."""

    def take_failure(self) -> bool:
        """Whether the record at hand is to fail."""
        failing = self.fail_records > 0
        self.fail_records -= failing
        return failing

    def take_repetition(self) -> bool:
        """Whether the delivery at hand is to be repeated."""
        repeating = self.repeat_deliveries > 0
        self.repeat_deliveries -= repeating
        return repeating


@dataclass
class StreamState:
    """How a stream fares; times are seconds since the epoch."""

    faults: Faults
    delivered_objects: int = 0
    failure: str | None = None
    """Why the last try to deliver failed; None after one that did not."""
    retry_s: float = 0.0
