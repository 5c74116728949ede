"""CloudFormation's change sets: what a template would change in a stack, shown before it is done, and then done."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import ClientError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_exponential

from aws_integration.shared_names import KEPT
from connections.aws_clients import explain_refusal
from pipeline_contract.errors import ConfigurationError, NotFinished, ServiceError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import DescribeChangeSetOutputTypeDef, StackResourceSummaryTypeDef

# A stack that failed while it was made can only be deleted:
# docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
_DEAD = ("CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")
_EMPTY = "REVIEW_IN_PROGRESS"
_UNCHANGED = ("didn't contain changes", "No updates are to be performed")
Say = Callable[[str], None]
Seen = TypeVar("Seen")


class StackWish(NamedTuple):
    """A stack as it should be."""

    name: str
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


class Change(NamedTuple):
    """One resource that would be added, modified or removed, and what of it; `replacement` says whether it is made anew."""

    action: str
    resource: str
    type: str
    replacement: str
    properties: list[str]


class ChangeSet(NamedTuple):
    """A change set that waits to be carried out; without changes there is none to carry out."""

    stack: str
    id: str | None
    is_new: bool
    changes: list[Change]


def find_stack(client: CloudFormationClient, name: str) -> Mapping[str, Any] | None:
    """CloudFormation's description of a stack; None where there is none, or one that nothing was ever made of."""
    with explain_refusal(f"look for stack {name}"):
        try:
            stacks = client.describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ValidationError":
                return None
            raise
    alive = [stack for stack in stacks if stack["StackStatus"] not in (_EMPTY, "DELETE_COMPLETE")]
    return alive[0] if alive else None


def find_resource(client: CloudFormationClient, stack: str, resource: str) -> str | None:
    """What AWS calls a resource of a stack; None where there is no such stack, or no such resource in it."""
    if find_stack(client, stack) is None:
        return None
    found = (one for one in _list_resources(client, stack) if one["LogicalResourceId"] == resource)
    return next((one.get("PhysicalResourceId") for one in found), None)


def read_outputs(stack: Mapping[str, Any] | None) -> dict[str, str]:
    """A stack's outputs by name; none of no stack."""
    outputs = stack.get("Outputs", []) if stack else []
    return {output["OutputKey"]: output["OutputValue"] for output in outputs}


def create_change_set(client: CloudFormationClient, wish: StackWish, timeout_s: float) -> ChangeSet:
    """Have CloudFormation work out what would change; nothing of it is done yet."""
    there = find_stack(client, wish.name)
    if there is not None and there["StackStatus"] in _DEAD:
        raise ConfigurationError(
            f"stack {wish.name} is {there['StackStatus']}: {there.get('StackStatusReason', 'no reason given')}; such a stack "
            "can only be deleted: run `python -m aws_integration teardown` on it first"
        )
    identity = _ask_for_change_set(client, wish, is_new=there is None)
    if identity is None:
        return ChangeSet(wish.name, None, False, [])
    pages = list(_wait_for_change_set(client, wish.name, identity, timeout_s))
    status, reason = pages[0]["Status"], pages[0].get("StatusReason", "")
    changes = [_read_change(found["ResourceChange"]) for page in pages for found in page.get("Changes", [])]
    if status != "CREATE_COMPLETE" and not any(words in reason for words in _UNCHANGED):
        forget_change_set(client, ChangeSet(wish.name, identity, there is None, []))
        raise ServiceError(f"AWS: cannot make a change set of stack {wish.name}: {reason or status}")
    return ChangeSet(wish.name, identity, there is None, changes if status == "CREATE_COMPLETE" else [])


def forget_change_set(client: CloudFormationClient, change_set: ChangeSet) -> None:
    """Delete a change set that is not carried out, and the empty stack that was made for it."""
    if change_set.id is None:
        return
    with explain_refusal(f"delete the change set of stack {change_set.stack}"):
        client.delete_change_set(ChangeSetName=change_set.id, StackName=change_set.stack)
        if change_set.is_new:
            client.delete_stack(StackName=change_set.stack)


def carry_out_changes(client: CloudFormationClient, change_set: ChangeSet, timeout_s: float, say: Say) -> None:
    """Carry a change set out and return at its end; `ServiceError` with the first reasons where AWS went back."""
    if change_set.id is None:
        return
    with explain_refusal(f"change stack {change_set.stack}"):
        client.execute_change_set(ChangeSetName=change_set.id, StackName=change_set.stack)
    status = _wait_for_stack(client, change_set.stack, timeout_s, say)
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        reasons = "; ".join(_list_reasons(client, change_set.stack)) or "no reason given"
        raise ServiceError(f"AWS: stack {change_set.stack} is {status}: {reasons}")


def list_resources(client: CloudFormationClient, stack: str) -> tuple[list[str], list[str]]:
    """The resources of a stack that a teardown deletes, and those that it leaves: each as its type and name."""
    deleted, kept = list[str](), list[str]()
    for resource in _list_resources(client, stack):
        if not resource.get("PhysicalResourceId"):
            continue  # It was never made.
        line = f"{resource['ResourceType']} {resource['PhysicalResourceId']}"
        (kept if resource["ResourceType"] in KEPT else deleted).append(line)
    return deleted, kept


def delete_stack(client: CloudFormationClient, name: str, timeout_s: float, say: Say) -> None:
    """Delete a stack and return when it is gone; `ServiceError` with AWS's reasons where something would not go."""
    there = find_stack(client, name)
    if there is None:
        return
    with explain_refusal(f"delete stack {name}"):
        client.delete_stack(StackName=name)
    # Once it is gone, a stack is known by its id alone.
    status = _wait_for_stack(client, there["StackId"], timeout_s, say)
    if status != "DELETE_COMPLETE":
        reasons = "; ".join(_list_reasons(client, there["StackId"])) or "no reason given"
        raise ServiceError(f"AWS: stack {name} is {status}: {reasons}")


def _list_resources(client: CloudFormationClient, stack: str) -> list[StackResourceSummaryTypeDef]:
    with explain_refusal(f"list the resources of stack {stack}"):
        pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
        return [resource for page in pages for resource in page["StackResourceSummaries"]]


def _ask_for_change_set(client: CloudFormationClient, wish: StackWish, is_new: bool) -> str | None:
    """The id of a change set that is being worked out; None where AWS says at once that nothing would change."""
    with explain_refusal(f"make a change set of stack {wish.name}"):
        try:
            made = client.create_change_set(
                StackName=wish.name,
                ChangeSetName=f"millrace-{uuid.uuid4().hex}",
                ChangeSetType="CREATE" if is_new else "UPDATE",
                TemplateBody=wish.template,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in wish.parameters.items()],
                Tags=[{"Key": key, "Value": value} for key, value in wish.tags.items()],
                Capabilities=["CAPABILITY_NAMED_IAM"],
                # What an earlier stack has left, such as buckets, is taken up again.
                ImportExistingResources=True,
            )
        except ClientError as error:
            if any(words in str(error) for words in _UNCHANGED):
                return None
            raise
    identity: str = made["Id"]
    return identity


def _wait_for_change_set(
    client: CloudFormationClient, stack: str, identity: str, timeout_s: float
) -> Iterator[DescribeChangeSetOutputTypeDef]:
    """The pages of a change set's description, once it is worked out."""

    def look() -> DescribeChangeSetOutputTypeDef:
        with explain_refusal(f"look at the change set of stack {stack}"):
            return client.describe_change_set(ChangeSetName=identity, StackName=stack)

    page = _retry(
        look, lambda page: page["Status"].endswith(("PENDING", "IN_PROGRESS")), timeout_s, f"change set of {stack}"
    )
    yield page
    while token := page.get("NextToken"):
        with explain_refusal(f"look at the change set of stack {stack}"):
            page = client.describe_change_set(ChangeSetName=identity, StackName=stack, NextToken=token)
        yield page


def _wait_for_stack(client: CloudFormationClient, stack: str, timeout_s: float, say: Say) -> str:
    def look() -> str:
        with explain_refusal(f"look at stack {stack}"):
            status: str = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        say(f"stack {stack.rpartition(':stack/')[2].partition('/')[0]}: {status}")
        return status

    return _retry(look, lambda status: status.endswith("IN_PROGRESS"), timeout_s, f"stack {stack}")


def _retry(look: Callable[[], Seen], is_under_way: Callable[[Seen], bool], timeout_s: float, what: str) -> Seen:
    retrying = Retrying(
        retry=retry_if_result(is_under_way),
        stop=stop_after_delay(timeout_s),
        wait=wait_exponential(multiplier=0.2, max=10),
    )
    try:
        return retrying(look)
    except RetryError:
        raise NotFinished(f"{what} was not done after {timeout_s:.0f} s; AWS goes on: ask again later") from None


def _list_reasons(client: CloudFormationClient, stack: str) -> Iterator[str]:
    """Why resources failed, those first that failed first; what was only cancelled because of them is left out."""
    events: list[Any] = []
    with suppress(ServiceError), explain_refusal(f"read the events of stack {stack}"):
        events = list(client.describe_stack_events(StackName=stack)["StackEvents"])
    for event in reversed(events):
        reason = event.get("ResourceStatusReason", "")
        if event.get("ResourceStatus", "").endswith("FAILED") and "cancelled" not in reason:
            yield f"{event.get('LogicalResourceId')}: {reason}"


def _read_change(found: Any) -> Change:
    targets = (detail.get("Target", {}).get("Name") or "" for detail in found.get("Details", []))
    return Change(
        found["Action"],
        found["LogicalResourceId"],
        found["ResourceType"],
        found.get("Replacement", ""),
        sorted({target for target in targets if target}),
    )
