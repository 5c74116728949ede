"""What happens to one request, from the stage to the function and back."""

from __future__ import annotations

import json
from typing import NamedTuple

from connections.s3 import SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY
from sandbox.api_gateway.apis import Account, AccountFile, ApiKey, Route, Stage, UsagePlan
from sandbox.api_gateway.functions import Functions, InvocationFailed
from sandbox.api_gateway.proxy_event import Answer, MalformedAnswer, Received, Sender, build_event, read_answer
from sandbox.api_gateway.routing import Match, Target, find_target, match_route
from sandbox.api_gateway.signatures import SignatureRefused, check_signature
from sandbox.api_gateway.throttling import Usage

# docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
MAX_BODY_BYTES = 10 * 1024 * 1024


class Refused(Exception):
    """A request that API Gateway answers itself: docs …/developerguide/supported-gateway-response-types.html."""

    def __init__(self, status: int, kind: str, message: str, cause: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.cause = cause


class Outcome(NamedTuple):
    """An answer, and what the access log tells of how it came about."""

    answer: Answer
    target: Target | None
    resource_path: str | None
    api_key_id: str | None
    cause: str


FAILURES = {
    413: ("RequestTooLargeException", "Request Too Long"),
    500: ("InternalServerErrorException", "Internal server error"),
    502: ("InternalServerErrorException", "Internal server error"),
    504: ("InternalServerErrorException", "Endpoint request timed out"),
}


class Gateway:
    """Answers requests from the account's file, which may change at any time."""

    def __init__(self, account_file: AccountFile, functions: Functions, usage: Usage, account_id: str) -> None:
        self._account_file = account_file
        self._functions = functions
        self._usage = usage
        self._account_id = account_id

    def handle(self, received: Received) -> Outcome:
        """Answer one request."""
        account = self._account_file.load()
        target = find_target(account, received.raw_path)
        match = match_route(target.definition.routes, received.method, target.path) if target else None
        if target is None or match is None:
            nothing = Refused(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
            return Outcome(_refuse(nothing), target, None, None, "")
        sender = Sender(self._account_id)
        try:
            sender = self._admit(account, received, target, match.route)
            answer, cause = self._ask(received, target, match, sender), ""
        except Refused as refusal:
            answer, cause = _refuse(refusal), refusal.cause
        return Outcome(answer, target, match.route.path, sender.api_key_id, cause)

    def _admit(self, account: Account, received: Received, target: Target, route: Route) -> Sender:
        """Who sends a request that may pass; raises `Refused` for one that may not."""
        if len(received.body) > MAX_BODY_BYTES:
            raise Refused(413, *FAILURES[413])
        access_key = None
        if route.authorization == "AWS_IAM":
            try:
                access_key = check_signature(received, SANDBOX_ACCESS_KEY_ID, SANDBOX_SECRET_ACCESS_KEY)
            except SignatureRefused as refusal:
                is_missing = str(refusal).startswith("Missing")
                kind = "MissingAuthenticationTokenException" if is_missing else "InvalidSignatureException"
                raise Refused(403, kind, str(refusal)) from None
        key = None
        if route.api_key_required:
            key, plan = _find_key(account, received, target)
            self._count(key, plan)
        if not self._usage.is_within_rate((target.api.id, target.stage.name), *_list_limits(target.stage)):
            raise Refused(429, "TooManyRequestsException", "Too Many Requests")
        value, identity = (key.value, key.id) if key else (None, None)
        return Sender(self._account_id, api_key=value, api_key_id=identity, access_key=access_key)

    def _count(self, key: ApiKey, plan: UsagePlan) -> None:
        throttle = plan.throttle
        whose = (plan.id, key.id)
        if throttle and not self._usage.is_within_rate(whose, throttle.rateLimit, throttle.burstLimit):
            raise Refused(429, "TooManyRequestsException", "Too Many Requests")
        if not self._usage.is_within_quota(whose, plan.quota):
            raise Refused(429, "LimitExceededException", "Limit Exceeded")

    def _ask(self, received: Received, target: Target, match: Match, sender: Sender) -> Answer:
        event = build_event(received, target, match, sender)
        try:
            payload = self._functions.invoke(match.route.function, event, match.route.timeout_s)
            return read_answer(payload, received.find_header("accept"), target.definition.binary_media_types)
        except InvocationFailed as failure:
            raise Refused(failure.status, *FAILURES[failure.status], cause=str(failure)) from None
        except MalformedAnswer as problem:
            raise Refused(502, *FAILURES[502], cause=f"malformed Lambda proxy response: {problem}") from None


def _find_key(account: Account, received: Received, target: Target) -> tuple[ApiKey, UsagePlan]:
    """The key that was sent, and the plan by which it opens the stage."""
    value = received.find_header("x-api-key")
    key = next((key for key in account.keys.values() if key.value == value and key.enabled), None)
    stage = (target.api.id, target.stage.name)
    plans = (plan for plan in account.plans.values() if key and key.id in plan.keys and stage in plan.stages)
    plan = next(plans, None)
    if key is None or plan is None:
        raise Refused(403, "ForbiddenException", "Forbidden")
    return key, plan


def _list_limits(stage: Stage) -> tuple[float | None, int | None]:
    return stage.rate_limit, stage.burst_limit


def _refuse(refusal: Refused) -> Answer:
    body = json.dumps({"message": str(refusal)}).encode()
    return Answer(refusal.status, (("Content-Type", "application/json"), ("x-amzn-ErrorType", refusal.kind)), body)
