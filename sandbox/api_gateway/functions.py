"""Invokes a function of the emulated Lambda for a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

# The endpoint reads the scope of a signature, and checks none; signing would cost more than the call.
SCOPE = "AWS4-HMAC-SHA256 Credential=sandbox/20000101/us-east-1/lambda/aws4_request"
CONNECTIONS = 64
CONNECT_TIMEOUT_S = 5.0


class InvocationFailed(Exception):
    """There is no answer: `status` is what the client is told."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Functions:
    """The functions of the endpoint at a URL, over connections that are kept."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=CONNECTIONS, pool_block=False))

    def invoke(self, name: str, event: Mapping[str, Any], timeout_s: float) -> bytes:
        """A function's answer; raises `InvocationFailed` where API Gateway has to answer in its place."""
        try:
            answer = self._session.post(
                f"{self._endpoint_url}/2015-03-31/functions/{name}/invocations",
                data=json.dumps(event).encode(),
                headers={"Authorization": SCOPE, "Content-Type": "application/json"},
                timeout=(CONNECT_TIMEOUT_S, timeout_s),
            )
        except requests.Timeout:
            raise InvocationFailed(504, f"no answer within {timeout_s:g} s") from None
        except requests.RequestException as error:
            raise InvocationFailed(500, f"{type(error).__name__}: the endpoint cannot be reached") from None
        if answer.status_code == 413:
            raise InvocationFailed(413, "the event is larger than Lambda takes")
        if answer.status_code != 200:
            raise InvocationFailed(500, f"Lambda answers {answer.status_code}: {answer.text[:500]}")
        if "X-Amz-Function-Error" in answer.headers:
            raise InvocationFailed(502, f"the function failed: {answer.text[:500]}")
        return answer.content
