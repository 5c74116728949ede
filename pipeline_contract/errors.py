"""The errors of the project: one root, and an exit code for each kind of trouble."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class PipelineError(Exception):
    """Root of every error that a user is meant to read; its message names what it is about and what to do.

    `context` says what was being worked on, for a log line: query, batch, offsets.
    """

    exit_code: ClassVar[int] = 3
    context: Mapping[str, Any] = {}


class ConfigurationError(PipelineError):
    """Wrong use, or a configuration that cannot work; nothing has been started."""

    exit_code: ClassVar[int] = 2


class ContractError(ConfigurationError):
    """A contract file that breaks its rules; carries every problem found in the file."""

    def __init__(self, path: str, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"{path}: {len(problems)} problem(s) in this contract:\n{lines}")


class ContractChanged(ConfigurationError):
    """A contract that has changed since its pipeline ran, in a way that is refused or that its version does not say."""


class ServiceError(PipelineError):
    """An outside service (Kafka, S3, the warehouse) that cannot be reached or refused a call."""


class CheckFailed(PipelineError):
    """A check that ran to its end and found something wrong."""

    exit_code: ClassVar[int] = 1


class NotFinished(PipelineError):
    """Work that is still under way elsewhere; asking again later is the right thing to do."""

    exit_code: ClassVar[int] = 4


class TopicMismatch(ConfigurationError):
    """An existing topic that differs from its contract, or a topic that was recreated under the same name."""


class PublishConflict(PipelineError):
    """Two drivers, or a driver and the ledger, that disagree on what has been published."""

    exit_code: ClassVar[int] = 1


class SchemaDrift(PipelineError):
    """A message whose fields are not the contract's columns, where the contract says that this stops the stream."""

    exit_code: ClassVar[int] = 1
