"""The functions of the emulated account, kept in one folder; they survive the endpoint's end."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# A bucket of this name means a folder on this machine, which is run where it stands; LocalStack does the same.
FOLDER_BUCKET = "hot-reload"
# docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_UNPACKED_BYTES = 250 * 1024 * 1024


class FunctionRefused(Exception):
    """A definition that Lambda would not take; `kind` is its error's name."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Function(BaseModel):
    """One function: what its process runs, with which variables, and for how long at most."""

    model_config = ConfigDict(frozen=True)

    name: str
    handler: str
    runtime: str
    role: str
    code: Path
    is_packaged: bool
    """Whether the code came as an archive, which brings all that it imports."""
    code_sha256: str
    variables: dict[str, str] = Field(default_factory=dict)
    timeout_s: int = Field(default=3, ge=1, le=900)
    memory_mb: int = Field(default=128, ge=128, le=10240)
    tracing: str = "PassThrough"
    """Kept and told; nothing here traces."""
    policy: tuple[dict[str, Any], ...] = ()
    """Who may invoke it, as statements; kept and told, and not enforced."""

    def describe(self, arn: str) -> dict[str, Any]:
        """Its configuration as Lambda's API tells it."""
        return {
            "FunctionName": self.name,
            "FunctionArn": arn,
            "Runtime": self.runtime,
            "Role": self.role,
            "Handler": self.handler,
            "Timeout": self.timeout_s,
            "MemorySize": self.memory_mb,
            "TracingConfig": {"Mode": self.tracing},
            "CodeSha256": self.code_sha256,
            "Version": "$LATEST",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "Environment": {"Variables": self.variables},
        }


class FunctionStore:
    """Every function's definition as a file, and the unpacked archives beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()

    def find(self, name: str) -> Function | None:
        """A function by its name, or by its ARN, which ends in it."""
        path = self._locate(name.rsplit(":", 1)[-1])
        return Function.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None

    def save(self, function: Function) -> None:
        """Keep a definition in the place of the one before it."""
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            written = self._locate(function.name).with_suffix(".new")
            written.write_text(function.model_dump_json(indent=2), encoding="utf-8")
            written.replace(self._locate(function.name))

    def delete(self, name: str) -> None:
        """Forget a function and the code that was unpacked for it."""
        self._locate(name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "code" / name, ignore_errors=True)

    def unpack(self, name: str, archive: bytes) -> tuple[Path, str]:
        """The folder that an archive was unpacked to, and the archive's SHA-256 as Lambda writes it."""
        digest = hashlib.sha256(archive)
        folder = self.folder / "code" / name / digest.hexdigest()[:16]
        try:
            with zipfile.ZipFile(BytesIO(archive)) as packed:
                if sum(member.file_size for member in packed.infolist()) > MAX_UNPACKED_BYTES:
                    text = f"Unzipped size must be smaller than {MAX_UNPACKED_BYTES} bytes"
                    raise FunctionRefused("InvalidParameterValueException", text)
                packed.extractall(folder)
        except zipfile.BadZipFile:
            text = "Could not unzip uploaded file. Please check your file, then try to upload again."
            raise FunctionRefused("InvalidParameterValueException", text) from None
        return folder, b64encode(digest.digest()).decode()

    def _locate(self, name: str) -> Path:
        if not name or not all(character.isalnum() or character in "-_" for character in name):
            raise FunctionRefused("InvalidParameterValueException", f"{name!r} is no name of a function")
        return self.folder / f"{name}.json"
