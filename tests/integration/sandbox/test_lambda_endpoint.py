"""The emulated Lambda, called by boto3: functions that answer, fail, hang and end, and what survives the endpoint's end."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from botocore.exceptions import ClientError

from sandbox.aws.service import describe_aws
from sandbox.processes import find_free_port, read_record
from sandbox.services import Service, start_service, stop_service, wait_until_ready
from sandbox.stack import PROJECT
from tests.integration.sandbox.test_aws_state import ACCOUNT, kill, open_client

HANDLER = """
import json, logging, os, sys, time

calls = 0

def answer(event, context):
    global calls
    calls += 1
    print("seen", event)
    if event.get("do") == "raise":
        raise ValueError("as asked")
    if event.get("do") == "hang":
        time.sleep(60)
    if event.get("do") == "exit":
        os._exit(7)
    if event.get("do") == "much":
        return "x" * (7 * 1024 * 1024)
    if event.get("do") == "note":
        with open(event["path"], "w") as file:
            file.write(context.aws_request_id)
    while not os.path.exists(event.get("until", "/")):
        time.sleep(0.01)
    assert 0 < context.get_remaining_time_in_millis() <= 2000
    return {"calls": calls, "pid": os.getpid(), "colour": os.environ.get("COLOUR"), "path": sys.path,
            "name": context.function_name, "arn": context.invoked_function_arn}
"""
ROLE = "arn:aws:iam::000000000000:role/millrace-lambda"


class Lab(NamedTuple):
    """A running endpoint, its client, and a folder with the handler above."""

    service: Service
    client: Any
    folder: Path

    def create(self, name: str, **more: Any) -> None:
        """Create a function that runs the folder's code."""
        code = more.pop("Code", {"S3Bucket": "hot-reload", "S3Key": str(self.folder)})
        handler = more.pop("Handler", "small.answer")
        more = {"Timeout": 2, **more}
        self.client.create_function(
            FunctionName=name, Runtime="python3.11", Role=ROLE, Handler=handler, Code=code, **more
        )

    def invoke(self, name: str, event: object = None, **more: Any) -> dict[str, Any]:
        """Invoke a function; its payload and log are decoded."""
        answer: dict[str, Any] = self.client.invoke(
            FunctionName=name, Payload=json.dumps(event or {}), LogType="Tail", **more
        )
        body = answer["Payload"].read()
        log = base64.b64decode(answer.get("LogResult", "")).decode()
        return {**answer, "Payload": json.loads(body) if body else None, "LogResult": log}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """An endpoint that these tests may kill."""
    state, folder = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("code")
    (folder / "small.py").write_text(HANDLER)
    service = describe_aws("127.0.0.1", find_free_port(), ACCOUNT, state, PROJECT)
    start_service(service)
    try:
        wait_until_ready(service)
        yield Lab(service, open_client(service, "lambda"), folder)
    finally:
        stop_service(service)


def test_a_function_is_loaded_once_and_answers_in_a_process_of_its_own(lab: Lab, unique_name: str) -> None:
    lab.create(unique_name, Environment={"Variables": {"COLOUR": "red"}})

    first, second = lab.invoke(unique_name), lab.invoke(unique_name, {"n": 2})

    assert (first["StatusCode"], first["ExecutedVersion"], "FunctionError" in first) == (200, "$LATEST", False)
    assert [first["Payload"]["calls"], second["Payload"]["calls"]] == [1, 2]
    assert first["Payload"]["pid"] == second["Payload"]["pid"]
    assert first["Payload"]["colour"] == "red"
    assert first["Payload"]["arn"] == f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{unique_name}"
    assert "seen {'n': 2}" in second["LogResult"]
    assert "seen {}" not in second["LogResult"]
    assert second["LogResult"].startswith("START RequestId: ")
    assert "REPORT RequestId: " in second["LogResult"]


class Failure(NamedTuple):
    id: str
    event: dict[str, str]
    kind: str
    message: str


FAILURES = (
    Failure("raises", {"do": "raise"}, "ValueError", "as asked"),
    Failure("hangs", {"do": "hang"}, "Sandbox.Timedout", "Task timed out after 2.00 seconds"),
    Failure("exits", {"do": "exit"}, "Runtime.ExitError", "Runtime exited with status 7"),
    Failure("answers-too-much", {"do": "much"}, "Function.ResponseSizeTooLarge", "6291456"),
)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.id)
def test_a_failure_is_the_functions_and_the_next_invocation_is_none_the_worse(
    lab: Lab, unique_name: str, failure: Failure
) -> None:
    lab.create(unique_name)

    failed = lab.invoke(unique_name, failure.event)
    after = lab.invoke(unique_name)

    assert (failed["StatusCode"], failed["FunctionError"]) == (200, "Unhandled")
    assert failed["Payload"]["errorType"] == failure.kind
    assert failure.message in failed["Payload"]["errorMessage"]
    assert f"seen {failure.event}" in failed["LogResult"]
    assert "FunctionError" not in after


def test_a_handler_that_cannot_be_loaded_is_told_at_each_invocation(lab: Lab, unique_name: str) -> None:
    lab.create(unique_name, Handler="nowhere.answer")

    for _ in range(2):
        failed = lab.invoke(unique_name)
        assert "Unable to import module 'nowhere.answer'" in failed["Payload"]["errorMessage"]


class Refusal(NamedTuple):
    id: str
    call: str
    arguments: dict[str, Any]
    code: str


REFUSALS = (
    Refusal("no function", "invoke", {"FunctionName": "nobody"}, "ResourceNotFoundException"),
    Refusal("no JSON", "invoke", {"FunctionName": "one", "Payload": b"{"}, "InvalidRequestContentException"),
    Refusal(
        "too large", "invoke", {"FunctionName": "one", "Payload": b'"' + b"x" * (6 << 20) + b'"'},
        "RequestEntityTooLargeException",
    ),
    Refusal(
        "too large to be queued", "invoke",
        {"FunctionName": "one", "InvocationType": "Event", "Payload": b'"' + b"x" * (1 << 20) + b'"'},
        "RequestEntityTooLargeException",
    ),
    Refusal("no object", "update_function_code", {"FunctionName": "one", "S3Bucket": "none", "S3Key": "k"},
            "InvalidParameterValueException"),
    Refusal("no archive", "update_function_code", {"FunctionName": "one", "ZipFile": b"zip"},
            "InvalidParameterValueException"),
    Refusal("no folder", "update_function_code",
            {"FunctionName": "one", "S3Bucket": "hot-reload", "S3Key": "/nowhere"}, "InvalidParameterValueException"),
    Refusal("too long", "update_function_configuration", {"FunctionName": "one", "Timeout": 901},
            "InvalidParameterValueException"),
    Refusal("not emulated", "list_functions", {}, "NotImplementedException"),
)  # fmt: skip


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.id)
def test_what_lambda_refuses_is_refused_by_its_name(lab: Lab, refusal: Refusal) -> None:
    if "one" in refusal.arguments.values():
        with contextlib.suppress(lab.client.exceptions.ResourceConflictException):
            lab.create("one")

    with pytest.raises(ClientError) as refused:
        getattr(lab.client, refusal.call)(**refusal.arguments)

    assert refused.value.response["Error"]["Code"] == refusal.code


def test_invocations_at_once_run_beside_each_other(lab: Lab, unique_name: str, tmp_path: Path) -> None:
    lab.create(unique_name)
    sign = tmp_path / "all are there"

    def meet(number: int) -> int:
        event = {"until": str(sign)} if number < 3 else {"do": "note", "path": str(sign)}
        found: int = lab.invoke(unique_name, event)["Payload"]["pid"]
        return found

    with ThreadPoolExecutor(4) as pool:
        pids = set(pool.map(meet, range(4)))

    assert len(pids) == 4


def test_an_asynchronous_invocation_is_answered_at_once(lab: Lab, unique_name: str, tmp_path: Path) -> None:
    lab.create(unique_name)
    note, sign = tmp_path / "note", tmp_path / "sign"

    answer = lab.invoke(unique_name, {"do": "note", "path": str(note), "until": str(sign)}, InvocationType="Event")
    sign.touch()
    lab.invoke(unique_name, {"until": str(note)})

    assert (answer["StatusCode"], answer["Payload"]) == (202, None)
    assert note.read_text() == answer["ResponseMetadata"]["RequestId"]


def test_code_and_variables_are_replaced(lab: Lab, unique_name: str) -> None:
    lab.create(unique_name)
    old = lab.invoke(unique_name)["Payload"]

    lab.client.update_function_configuration(
        FunctionName=unique_name, Environment={"Variables": {"COLOUR": "blue"}}, MemorySize=512
    )
    new = lab.invoke(unique_name)["Payload"]

    assert (old["colour"], new["colour"]) == (None, "blue")
    assert not psutil.pid_exists(old["pid"])
    described = lab.client.get_function(FunctionName=unique_name)["Configuration"]
    assert (described["MemorySize"], described["Timeout"], described["State"]) == (512, 2, "Active")
    lab.client.delete_function(FunctionName=unique_name)
    with pytest.raises(lab.client.exceptions.ResourceNotFoundException):
        lab.client.get_function_configuration(FunctionName=unique_name)
    assert not psutil.pid_exists(new["pid"])


def test_an_archive_sees_nothing_that_is_installed_here(lab: Lab, unique_name: str, unique_bucket_of: Any) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("small.py", HANDLER)
    unique_bucket_of(lab.service).put_object(Bucket=unique_name, Key="small.zip", Body=packed.getvalue())

    lab.create(unique_name, Code={"S3Bucket": unique_name, "S3Key": "small.zip"})
    alone = lab.invoke(unique_name)["Payload"]["path"]

    assert not [folder for folder in alone if "site-packages" in folder]
    assert Path(alone[0]).is_relative_to(lab.service.state_dir)


@pytest.fixture
def unique_bucket_of(unique_name: str) -> Any:
    """Creates the test's own bucket at an endpoint, and returns the client."""

    def create(service: Service) -> Any:
        client = open_client(service, "s3")
        client.create_bucket(Bucket=unique_name)
        return client

    return create


def test_a_function_survives_the_endpoint_and_its_process_does_not(lab: Lab, unique_name: str) -> None:
    lab.create(unique_name)
    pid = lab.invoke(unique_name)["Payload"]["pid"]
    process = psutil.Process(pid)

    kill(lab.service)

    psutil.wait_procs([process], timeout=10)
    assert not psutil.pid_exists(pid)
    start_service(lab.service)
    wait_until_ready(lab.service)
    assert lab.invoke(unique_name)["Payload"]["calls"] == 1
    assert read_record(lab.service.record_path) is not None


def test_the_functions_python_is_the_sandboxes(lab: Lab, unique_name: str) -> None:
    lab.create(unique_name)

    found = lab.invoke(unique_name)["Payload"]["path"]

    assert found[0] == str(lab.folder)
    assert any(str(Path(sys.prefix)) in folder for folder in found)
