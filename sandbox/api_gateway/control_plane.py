"""The control plane as the AWS endpoint calls it."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path

from pydantic import ValidationError

from sandbox.api_gateway.apis import AccountFile
from sandbox.api_gateway.calls import Answer as CallAnswer
from sandbox.api_gateway.calls import Call, list_api_calls
from sandbox.api_gateway.key_calls import list_key_calls
from sandbox.aws.json_calls import Answer, write_answer
from sandbox.aws.refusals import CallRefused
from sandbox.aws.requests import AwsRequest

STATUS = {"NotFoundException": 404, "ConflictException": 409, "LimitExceededException": 429}


class ControlPlane:
    """One account's APIs, kept in a folder; one call at a time."""

    def __init__(self, folder: Path) -> None:
        self._file = AccountFile(folder)
        self._calls = {**list_api_calls(), **list_key_calls()}

    def answer(self, request: AwsRequest, body: bytes) -> Answer:
        """Answer one call of API Gateway's API."""
        path = request.path.rstrip("/")
        found = self._find(request.method, path)
        if found is None:
            return _refuse("NotImplementedException", f"{request.method} {path} is not emulated")
        call, ids = found
        query = {name: values[-1] for name, values in request.parameters.items()}
        try:
            asked = json.loads(body) if body and query.get("mode") is None else {}
            with self._file.lock:
                result = call(self._file.load(), Call(ids, query, body, asked))
                if result.account is not None:
                    self._file.save(result.account)
        except CallRefused as refusal:
            return _refuse(refusal.name, str(refusal))
        except (ValidationError, KeyError, ValueError) as error:
            return _refuse("BadRequestException", f"Invalid request input: {error}")
        return write_answer(_name_status(result.status), result.told)

    def _find(self, method: str, path: str) -> tuple[CallAnswer, tuple[str, ...]] | None:
        """The call that a request is, and the ids in its path."""
        for (wanted, pattern), call in self._calls.items():
            match = re.fullmatch(pattern.replace("*", "([^/]+)"), path)
            if match and wanted == method:
                return call, match.groups()
        return None


def _refuse(kind: str, message: str) -> Answer:
    status, headers, body = write_answer(_name_status(STATUS.get(kind, 400)), {"message": message})
    return status, [*headers, ("x-amzn-ErrorType", kind)], body


def _name_status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
