"""Events from a file to the API: in batches, several at once, and what is not taken for the moment once more."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple, get_args

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_random_exponential

from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.event_api import KEY_HEADER
from pipeline_contract.event_records import Status

ANSWERED = (202, 207, 400)
FORBIDDEN, TOO_LARGE = 403, 413
TIMEOUT_S = 60


@dataclass(frozen=True)
class Door:
    """Where events are posted, and how a sender shows that it may: a key, or signed requests."""

    url: str
    key: str | None
    credentials: Credentials | None
    region: str


class Answer(NamedTuple):
    """The status code of an answer, and what it says of each event that was taken or refused."""

    code: int
    events: list[dict[str, Any]]


@dataclass
class Posted:
    """What was answered: events by status, requests by status code, and the first reasons of refused events."""

    events: Counter[str] = field(default_factory=Counter)
    requests: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        self.requests[answer.code] += 1
        for event in answer.events:
            self.events[event["status"]] += 1
            if event["status"] == "refused":
                self.reasons[event["reasons"][0]["reason"]] += 1

    def as_record(self) -> dict[str, Any]:
        """The counts as plain values."""
        counts = {status: self.events[status] for status in get_args(Status)}
        return {**counts, "requests": dict(sorted(self.requests.items())), "reasons": dict(self.reasons.most_common())}


def post_events(
    door: Door,
    lines: Iterable[bytes],
    limits: tuple[int, int],
    at_once: int,
    timeout_s: float,
    tell: Callable[[int], None],
) -> Posted:
    """Post every line, an event each, and count the answers; `tell` hears how many lines each answer was about.

    `limits` are the most events and bytes of a request.

    `ConfigurationError` where the API does not let the sender in, `ServiceError` where it gives no answer for so long;
    events that were answered before then are taken.
    """
    posted = Posted()
    batches = split_lines(lines, *limits)
    with ThreadPoolExecutor(at_once) as pool:
        while chosen := list(islice(batches, at_once * 4)):
            answered = pool.map(lambda piece: _post_until_answered(door, piece, timeout_s), chosen)
            for piece, answers in zip(chosen, answered, strict=True):
                for answer in answers:
                    posted.add(answer)
                tell(len(piece))
    return posted


def split_lines(lines: Iterable[bytes], most: int, most_bytes: int) -> Iterator[list[bytes]]:
    """Lines in batches; one that is no JSON is posted alone, as it would take its whole batch with it. Pure."""
    held: list[bytes] = []
    size = 2  # the brackets
    for line in lines:
        if not is_json(line):
            yield [line]
            continue
        if held and (len(held) == most or size + len(line) + 1 > most_bytes):
            yield held
            held, size = [], 2
        held.append(line)
        size += len(line) + 1
    if held:
        yield held


def is_json(line: bytes) -> bool:
    """Whether a line is one JSON document, as a strict reader has it."""
    try:
        json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return False
    return True


def join_lines(lines: list[bytes]) -> bytes:
    """The body of these lines: the line itself, or an array of them."""
    return lines[0] if len(lines) == 1 else b"[" + b",".join(lines) + b"]"


def post_once(door: Door, body: bytes) -> requests.Response:
    """The API's answer to one body."""
    headers = {"Content-Type": "application/json"} | ({KEY_HEADER: door.key} if door.key else {})
    if door.credentials is not None:
        request = AWSRequest("POST", door.url, headers=headers, data=body)
        SigV4Auth(door.credentials, "execute-api", door.region).add_auth(request)
        headers = dict(request.headers)
    return requests.post(door.url, data=body, headers=headers, timeout=TIMEOUT_S)


def _post_until_answered(door: Door, lines: list[bytes], timeout_s: float) -> list[Answer]:
    """The answers that say what became of each line; those that failed are posted again, alone."""
    left, answers, last = lines, list[Answer](), "no answer"

    def attempt() -> bool:
        nonlocal left, last
        try:
            response = post_once(door, join_lines(left))
        except requests.RequestException as error:
            last = str(error)
            return True
        last = f"{response.status_code} {response.text[:200]}"
        if response.status_code not in ANSWERED:
            check_admission(door, response)
            return True
        events = response.json()["events"]
        answers.append(Answer(response.status_code, [event for event in events if event["status"] != "failed"]))
        left = [left[event["index"]] for event in events if event["status"] == "failed"]
        return bool(left)

    retrying = Retrying(
        retry=retry_if_result(bool),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        stop=stop_after_delay(timeout_s),
    )
    try:
        retrying(attempt)
    except RetryError:
        raise ServiceError(
            f"{door.url} has not taken all events for {timeout_s:g} s: {last}; run it again, what is accepted is known"
        ) from None
    return answers


def check_admission(door: Door, response: requests.Response) -> None:
    """Return where another try may help; `ConfigurationError` where API Gateway does not let the request in."""
    if response.status_code == FORBIDDEN:
        raise ConfigurationError(
            f"{door.url} answers 403, {response.text}: is the key or the signature right? "
            "`python -m aws_integration api show EVENTS` tells them"
        )
    if response.status_code == TOO_LARGE:
        raise ConfigurationError(f"{door.url} answers 413: post fewer events at once, by --batch")
