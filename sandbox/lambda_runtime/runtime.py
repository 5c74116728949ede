"""The execution environments of all functions: started when an invocation finds none idle, reused, replaced with the code."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from threading import Lock

from sandbox.lambda_runtime.environment import ExecutionEnvironment, Invocation
from sandbox.lambda_runtime.functions import Function

# Of one function at one moment; Lambda's own limit is the account's.
MAX_CONCURRENCY = 16


class TooManyInvocations(Exception):
    """As many invocations of a function are under way as may be."""


class Runtime:
    """Runs invocations, each in an environment that no other uses meanwhile."""

    def __init__(self, folder: Path, region: str, account_id: str, endpoint_url: str) -> None:
        self._logs = folder / "logs"
        self._region = region
        self._account_id = account_id
        self._endpoint_url = endpoint_url
        self._lock = Lock()
        self._idle: dict[str, list[ExecutionEnvironment]] = {}
        self._busy: dict[str, int] = {}

    def name_arn(self, function: str) -> str:
        """A function's ARN."""
        return f"arn:aws:lambda:{self._region}:{self._account_id}:function:{function}"

    def invoke(self, function: Function, payload: bytes, request_id: str) -> Invocation:
        """Run a function once."""
        environment = self._take(function)
        try:
            return environment.invoke(request_id, self.name_arn(function.name), payload)
        finally:
            self._give_back(environment)

    def forget(self, name: str) -> None:
        """End the idle environments of a function that has changed or gone."""
        with self._lock:
            ended = self._idle.pop(name, [])
        for environment in ended:
            environment.close()

    def close(self) -> None:
        """End every idle environment; one that is at work ends with its standard input."""
        for name in list(self._idle):
            self.forget(name)

    def _take(self, function: Function) -> ExecutionEnvironment:
        with self._lock:
            if self._busy.get(function.name, 0) >= MAX_CONCURRENCY:
                raise TooManyInvocations(function.name)
            self._busy[function.name] = self._busy.get(function.name, 0) + 1
            idle = self._idle.setdefault(function.name, [])
            while idle:
                environment = idle.pop()
                if environment.is_usable and environment.function == function:
                    return environment
                environment.close()
        try:
            return self._start(function)
        except BaseException:
            with self._lock:
                self._busy[function.name] -= 1
            raise

    def _give_back(self, environment: ExecutionEnvironment) -> None:
        with self._lock:
            self._busy[environment.function.name] -= 1
            if environment.is_usable:
                self._idle.setdefault(environment.function.name, []).append(environment)

    def _start(self, function: Function) -> ExecutionEnvironment:
        """Start a process with Lambda's variables: docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html."""
        stream = uuid.uuid4().hex
        variables = {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_ENDPOINT_URL": self._endpoint_url,
            # The emulated account takes any credentials.
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "LAMBDA_TASK_ROOT": str(function.code),
            "_HANDLER": function.handler,
            **function.variables,
        }
        return ExecutionEnvironment(function, variables, self._logs / function.name / f"{stream}.log")
