"""Lambda's HTTP side: docs.aws.amazon.com/lambda/latest/api, the calls that create, describe, delete and invoke a function."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from pydantic import ValidationError

from sandbox.lambda_runtime.functions import FOLDER_BUCKET, Function, FunctionRefused, FunctionStore
from sandbox.lambda_runtime.permissions import build_statement
from sandbox.lambda_runtime.runtime import Runtime, TooManyInvocations

# docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_PAYLOAD_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024, "DryRun": 6 * 1024 * 1024}
FUNCTIONS_PATH = re.compile(r"/2015-03-31/functions(?:/(?P<name>[^/]+)(?P<rest>/[a-z]+)?(?:/(?P<statement>[^/]+))?)?/?")
_STATUS = {"ResourceNotFoundException": 404, "ResourceConflictException": 409}
ReadObject = Callable[[str, str], bytes | None]


class Call(NamedTuple):
    """One request; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """Status, headers and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class LambdaApi:
    """Answers each call from the store and the runtime; `read_object` reads the emulated S3, None for what is not there."""

    def __init__(self, store: FunctionStore, runtime: Runtime, read_object: ReadObject) -> None:
        self._store = store
        self._runtime = runtime
        self._read_object = read_object

    def answer(self, call: Call) -> Reply:
        """Answer one call; what Lambda would refuse is refused in its words."""
        place = FUNCTIONS_PATH.fullmatch(call.path)
        answers: dict[tuple[str, str], Callable[[], Reply]] = {}
        if place and place["name"] is None:
            answers = {("POST", ""): lambda: self._create(call)}
        elif place:
            name = place["name"]
            answers = {
                ("GET", ""): lambda: self._get(name),
                ("DELETE", ""): lambda: self._delete(name),
                ("GET", "/configuration"): lambda: _reply(200, self._describe(self._require(name))),
                ("PUT", "/configuration"): lambda: self._configure(name, call),
                ("PUT", "/code"): lambda: self._replace_code(name, call),
                ("POST", "/invocations"): lambda: self._invoke(name, call),
                ("POST", "/policy"): lambda: self._add_permission(name, call),
                ("GET", "/policy"): lambda: self._get_policy(name),
                ("DELETE", "/policy"): lambda: self._remove_permission(name, place["statement"]),
            }
        chosen = answers.get((call.method, (place and place["rest"]) or ""))
        if chosen is None:
            return _refuse(501, "NotImplementedException", f"{call.method} {call.path} is not emulated")
        try:
            return chosen()
        except FunctionRefused as error:
            return _refuse(_STATUS.get(error.kind, 400), error.kind, str(error))
        except ValidationError as error:
            return _refuse(400, "InvalidParameterValueException", str(error))
        except TooManyInvocations:
            return _refuse(429, "TooManyRequestsException", "Rate Exceeded.")

    def _create(self, call: Call) -> Reply:
        asked = json.loads(call.body)
        name = asked["FunctionName"]
        if self._store.find(name):
            raise FunctionRefused("ResourceConflictException", f"Function already exist: {name}")
        code = self._take_code(name, asked["Code"])
        function = Function(name=name, **code, **_read_configuration(asked))
        self._store.save(function)
        return _reply(201, self._describe(function))

    def _get(self, name: str) -> Reply:
        return _reply(200, {"Configuration": self._describe(self._require(name))})

    def _delete(self, name: str) -> Reply:
        self._store.delete(self._require(name).name)
        self._runtime.forget(name)
        return Reply(204, {}, b"")

    def _configure(self, name: str, call: Call) -> Reply:
        return self._change(name, _read_configuration(json.loads(call.body)))

    def _replace_code(self, name: str, call: Call) -> Reply:
        return self._change(name, self._take_code(self._require(name).name, json.loads(call.body)))

    def _add_permission(self, name: str, call: Call) -> Reply:
        asked = json.loads(call.body)
        function = self._require(name)
        if any(known["Sid"] == asked["StatementId"] for known in function.policy):
            text = (
                f"The statement id ({asked['StatementId']}) provided already exists. Please provide a new statement id."
            )
            raise FunctionRefused("ResourceConflictException", text)
        arn = self._runtime.name_arn(function.name)
        self._store.save(function.model_copy(update={"policy": (*function.policy, build_statement(asked, arn))}))
        return _reply(201, {"Statement": json.dumps(build_statement(asked, arn))})

    def _get_policy(self, name: str) -> Reply:
        function = self._require(name)
        if not function.policy:
            raise FunctionRefused("ResourceNotFoundException", "The resource you requested does not exist.")
        document = {"Version": "2012-10-17", "Id": "default", "Statement": list(function.policy)}
        return _reply(200, {"Policy": json.dumps(document), "RevisionId": str(uuid.uuid4())})

    def _remove_permission(self, name: str, statement: str) -> Reply:
        function = self._require(name)
        left = tuple(known for known in function.policy if known["Sid"] != statement)
        if len(left) == len(function.policy):
            raise FunctionRefused(
                "ResourceNotFoundException", f"Statement {statement} is not found in resource policy."
            )
        self._store.save(function.model_copy(update={"policy": left}))
        return Reply(204, {}, b"")

    def _change(self, name: str, changes: dict[str, Any]) -> Reply:
        function = Function.model_validate(self._require(name).model_dump() | changes)
        self._store.save(function)
        self._runtime.forget(function.name)
        return _reply(200, self._describe(function))

    def _invoke(self, name: str, call: Call) -> Reply:
        function = self._require(name)
        kind = call.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in MAX_PAYLOAD_BYTES:
            raise FunctionRefused("InvalidParameterValueException", f"invocation type {kind!r}")
        if len(call.body) > MAX_PAYLOAD_BYTES[kind]:
            limit = f"{len(call.body)} byte payload is too large for the {kind} invocation type"
            text = f"{limit} (limit {MAX_PAYLOAD_BYTES[kind]} bytes)"
            return _refuse(413, "RequestEntityTooLargeException", text)
        request_id = str(uuid.uuid4())
        payload = call.body or b"{}"
        try:
            json.loads(payload)
        except ValueError as error:
            raise FunctionRefused("InvalidRequestContentException", f"Could not parse request body: {error}") from None
        headers = {"x-amzn-RequestId": request_id, "X-Amz-Executed-Version": "$LATEST"}
        if kind == "DryRun":
            return Reply(204, headers, b"")
        if kind == "Event":
            Thread(target=self._runtime.invoke, args=(function, payload, request_id), daemon=True).start()
            return Reply(202, headers, b"")
        ended = self._runtime.invoke(function, payload, request_id)
        if ended.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if call.headers.get("x-amz-log-type") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(ended.log_tail).decode()
        return Reply(200, headers | {"Content-Type": "application/json"}, ended.payload)

    def _require(self, name: str) -> Function:
        function = self._store.find(name)
        if function is None:
            raise FunctionRefused("ResourceNotFoundException", f"Function not found: {self._runtime.name_arn(name)}")
        return function

    def _describe(self, function: Function) -> dict[str, Any]:
        return function.describe(self._runtime.name_arn(function.name))

    def _take_code(self, name: str, code: dict[str, Any]) -> dict[str, Any]:
        """The fields of a definition that say what code it runs."""
        bucket, key = code.get("S3Bucket", ""), code.get("S3Key", "")
        if bucket == FOLDER_BUCKET:
            folder = Path(key)
            if not folder.is_absolute() or not folder.is_dir():
                raise FunctionRefused("InvalidParameterValueException", f"{key!r} is no absolute path of a folder")
            return {"code": folder, "is_packaged": False, "code_sha256": ""}
        archive = base64.b64decode(code["ZipFile"]) if "ZipFile" in code else self._read_object(bucket, key)
        if archive is None:
            text = f"Error occurred while GetObject. S3 Error Code: NoSuchKey. s3://{bucket}/{key}"
            raise FunctionRefused("InvalidParameterValueException", text)
        folder, sha256 = self._store.unpack(name, archive)
        return {"code": folder, "is_packaged": True, "code_sha256": sha256}


def _read_configuration(asked: dict[str, Any]) -> dict[str, Any]:
    """The fields of a definition that a request names, beside its code."""
    names = {
        "Handler": "handler",
        "Runtime": "runtime",
        "Role": "role",
        "Timeout": "timeout_s",
        "MemorySize": "memory_mb",
    }
    found = {ours: asked[theirs] for theirs, ours in names.items() if theirs in asked}
    if "Environment" in asked:
        found["variables"] = asked["Environment"].get("Variables", {})
    if "TracingConfig" in asked:
        found["tracing"] = asked["TracingConfig"]["Mode"]
    return found


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, {"Content-Type": "application/json"}, json.dumps(body).encode())


def _refuse(status: int, kind: str, message: str) -> Reply:
    reply = _reply(status, {"Type": "User", "Message": message})
    return reply._replace(headers=reply.headers | {"x-amzn-ErrorType": kind})
