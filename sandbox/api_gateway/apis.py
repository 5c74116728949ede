"""What is known of APIs, keys and usage plans, and the one file that keeps it."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FILE_NAME = "apis.json"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Route(_Part):
    """One method of one path; `timeout_s` is the integration's."""

    path: str
    method: str
    function: str
    integration: dict[str, Any]
    timeout_s: float = 29.0
    authorization: Literal["NONE", "AWS_IAM"] = "NONE"
    api_key_required: bool = False


class Definition(_Part):
    """What an OpenAPI document says of an API."""

    routes: tuple[Route, ...] = ()
    binary_media_types: tuple[str, ...] = ()


class Deployment(_Part):
    """A definition as it was when it was deployed."""

    id: str
    created_s: float
    description: str = ""
    definition: Definition


class Stage(_Part):
    """A deployment that answers under a name."""

    name: str
    deployment_id: str
    created_s: float
    description: str = ""
    variables: dict[str, str] = Field(default_factory=dict)
    access_log: dict[str, str] = Field(default_factory=dict)
    rate_limit: float | None = None
    burst_limit: int | None = None


class Api(_Part):
    """A REST API: what it is now, and what was deployed of it."""

    id: str
    name: str
    description: str = ""
    created_s: float
    definition: Definition = Definition()
    deployments: dict[str, Deployment] = Field(default_factory=dict)
    stages: dict[str, Stage] = Field(default_factory=dict)


class ApiKey(_Part):
    """A key that a client sends in `x-api-key`."""

    id: str
    name: str
    value: str
    enabled: bool = False
    description: str = ""
    created_s: float


class Quota(_Part):
    """So many requests in a day, week or month of UTC."""

    limit: int
    period: Literal["DAY", "WEEK", "MONTH"]
    offset: int = 0


class Throttle(_Part):
    """Requests a second, and how many at once; None is no limit."""

    rateLimit: float | None = None  # noqa: N815 - AWS's own names
    burstLimit: int | None = None  # noqa: N815


class UsagePlan(_Part):
    """Keys, the stages that they open, and how often."""

    id: str
    name: str
    description: str = ""
    stages: tuple[tuple[str, str], ...] = ()
    throttle: Throttle | None = None
    quota: Quota | None = None
    keys: tuple[str, ...] = ()


class Account(_Part):
    """All of one account's APIs, keys and plans, by their ids."""

    apis: dict[str, Api] = Field(default_factory=dict)
    keys: dict[str, ApiKey] = Field(default_factory=dict)
    plans: dict[str, UsagePlan] = Field(default_factory=dict)


class AccountFile:
    """An account's file, replaced as a whole at each change; it survives a kill -9, and is read by another process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self.lock = Lock()
        self._read: tuple[tuple[int, int] | None, Account] = (None, Account())

    def load(self) -> Account:
        """The account as it is now; the file is read only when it has been replaced."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return Account()
        version = (stat.st_ino, stat.st_mtime_ns)
        if self._read[0] != version:
            self._read = (version, Account.model_validate_json(self.path.read_text(encoding="utf-8")))
        return self._read[1]

    def save(self, account: Account) -> None:
        """Replace it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_suffix(".new")
        written.write_text(account.model_dump_json(indent=2), encoding="utf-8")
        written.replace(self.path)
