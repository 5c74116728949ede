"""A pipeline's Lambda function: what it should be, what is there, and the steps from one to the other."""

from __future__ import annotations

import hashlib
import json
import zipfile
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from aws_integration.function_package import KAFKA, Recipe
from aws_integration.plan import Step
from connections.aws_clients import explain_refusal
from connections.functions import open_lambda
from connections.s3 import is_loopback, object_exists, open_s3
from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.kafka_event import name_function
from pipeline_contract.model import Contract
from pipeline_contract.policies import role_arn

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

# The sandbox runs the code of a folder where it stands; AWS knows no such bucket.
FOLDER_BUCKET = "hot-reload"


class Site(NamedTuple):
    """The clients that a deployment needs, and the bucket that takes packages."""

    functions: LambdaClient
    s3: S3Client
    bucket: str


class Code(NamedTuple):
    """What a function runs: its place as Lambda's API names it, the package's bytes, and their hash as Lambda tells it."""

    place: Mapping[str, str]
    package: bytes | None
    sha256: str | None


class Found(NamedTuple):
    """What is there already: the function's configuration, and whether the package is in its place."""

    function: Mapping[str, Any] | None
    has_package: bool


def open_function_site(settings: Settings) -> Site:
    """The clients; nothing is asked yet."""
    return Site(open_lambda(settings), open_s3(settings.s3), settings.s3.bucket)


def choose_code(function: str, recipe: Recipe, settings: Settings, package: Path | None, project: Path) -> Code:
    """The package's place in the bucket, or, on the sandbox, the project's folder; `ConfigurationError` without either."""
    if package is None:
        if not is_loopback(settings.s3.endpoint_url):
            raise ConfigurationError(f"--package: {_ask_for_package(recipe)}")
        return Code({"S3Bucket": FOLDER_BUCKET, "S3Key": str(project.resolve())}, None, None)
    return place_package(function, recipe, settings, package)


def place_package(function: str, recipe: Recipe, settings: Settings, package: Path | None) -> Code:
    """The package's place in the bucket; `ConfigurationError` without one, or where it has another handler."""
    if package is None:
        raise ConfigurationError(f"--package: {_ask_for_package(recipe)}")
    try:
        content = package.read_bytes()
        with zipfile.ZipFile(package) as archive:
            is_right = recipe.handler_path in archive.namelist()
    except OSError as error:
        raise ConfigurationError(f"--package: {package} cannot be read: {error.strerror}") from error
    except zipfile.BadZipFile:
        is_right = False
    if not is_right:
        raise ConfigurationError(f"--package: {package} has no {recipe.handler_path}; {_ask_for_package(recipe)}")
    digest = hashlib.sha256(content)
    key = f"functions/{function}/{digest.hexdigest()}.zip"
    return Code({"S3Bucket": settings.s3.bucket, "S3Key": key}, content, b64encode(digest.digest()).decode())


def describe_function(pipeline: str, contract: Contract, settings: Settings, ids: Mapping[str, str]) -> dict[str, Any]:
    """The configuration of a pipeline's function; `pipeline` is what it finds the contract by, `ids` the topics' ids."""
    return {
        "FunctionName": name_function(contract.name),
        "Handler": KAFKA.handler,
        "Role": role_arn(settings.aws.account_id, settings.function.role),
        "Timeout": settings.function.timeout_s,
        "MemorySize": settings.function.memory_mb,
        "TracingConfig": {"Mode": "Active"},
        "Environment": {"Variables": describe_variables(pipeline, settings, ids)},
    }


def describe_variables(pipeline: str, settings: Settings, ids: Mapping[str, str]) -> dict[str, str]:
    """What the function is told by its environment: names and addresses, never a secret."""
    kafka, warehouse, function = settings.kafka, settings.warehouse, settings.function
    told = {
        "MILLRACE_PIPELINE": pipeline,
        "MILLRACE_ENV": settings.environment,
        "MILLRACE_TOPIC_IDS": json.dumps(dict(sorted(ids.items()))),
        "MILLRACE_KAFKA__SCHEMA_REGISTRY_URL": kafka.schema_registry_url,
        "MILLRACE_WAREHOUSE__ACCOUNT": warehouse.account,
        "MILLRACE_WAREHOUSE__USER": warehouse.user,
        "MILLRACE_WAREHOUSE__ROLE": warehouse.role,
        "MILLRACE_WAREHOUSE__WAREHOUSE": warehouse.warehouse,
        "MILLRACE_WAREHOUSE__HOST": warehouse.host,
        "MILLRACE_WAREHOUSE__PORT": warehouse.port,
        "MILLRACE_WAREHOUSE__PROTOCOL": warehouse.protocol,
        "MILLRACE_FUNCTION__SECRET": function.secret,
        "MILLRACE_FUNCTION__REPORTS_FAILURES": str(function.reports_failures).lower(),
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def _ask_for_package(recipe: Recipe) -> str:
    return f"name the zip that `python -m aws_integration package {recipe.name}` has built"


def find_function(site: Site, name: str, code: Code) -> Found:
    """What there is of the function and its package."""
    with explain_refusal(f"look for function {name}"):
        try:
            function: Mapping[str, Any] | None = site.functions.get_function(FunctionName=name)["Configuration"]
        except site.functions.exceptions.ResourceNotFoundException:
            function = None
    has_package = code.package is None or object_exists(site.s3, code.place["S3Bucket"], code.place["S3Key"])
    return Found(function, has_package)


def put_package(site: Site, code: Code) -> None:
    """Put the package into its place, unless it lies there."""
    if code.package is not None and not object_exists(site.s3, code.place["S3Bucket"], code.place["S3Key"]):
        with explain_refusal(f"put package s3://{code.place['S3Bucket']}/{code.place['S3Key']}"):
            site.s3.put_object(Bucket=code.place["S3Bucket"], Key=code.place["S3Key"], Body=code.package)


def plan_function(wanted: Mapping[str, Any], code: Code, runtime: str, architecture: str, found: Found) -> list[Step]:
    """The steps that bring the function about; none where it is as it should be. Pure."""
    steps = []
    name = wanted["FunctionName"]
    if not found.has_package:
        assert code.package is not None  # noqa: S101 - a folder is always there
        what = f"package s3://{code.place['S3Bucket']}/{code.place['S3Key']}, {len(code.package) / 1e6:.0f} MB"
        steps.append(
            Step("s3", "create", what, "put_object", {"Bucket": code.place["S3Bucket"], "Key": code.place["S3Key"]})
        )
    place = f"s3://{code.place['S3Bucket']}/{code.place['S3Key']}" if code.package else code.place["S3Key"]
    if found.function is None:
        request = {**wanted, "Runtime": runtime, "Architectures": [architecture], "Code": dict(code.place)}
        return [*steps, Step("lambda", "create", f"function {name} from {place}", "create_function", request)]
    # The code of a folder may have changed unnoticed.
    if code.sha256 is None or found.function.get("CodeSha256") != code.sha256:
        request = {"FunctionName": name, "Architectures": [architecture], **code.place}
        steps.append(Step("lambda", "update", f"code of {name} from {place}", "update_function_code", request))
    differing = [part for part, value in wanted.items() if found.function.get(part) != value]
    if differing or found.function.get("Runtime") != runtime:
        what = f"configuration of {name}: {', '.join(differing) or 'Runtime'}"
        request = {**wanted, "Runtime": runtime}
        steps.append(Step("lambda", "update", what, "update_function_configuration", request))
    return steps


def change_function(site: Site, steps: Sequence[Step], code: Code, say: Callable[[Step], None]) -> None:
    """Carry the steps out in order, each when the function has taken the one before it."""
    for step in steps:
        try:
            if step.service == "s3":
                site.s3.put_object(**step.request, Body=code.package or b"")
            else:
                getattr(site.functions, step.call)(**step.request)
                name = step.request["FunctionName"]
                waits_for = "function_active_v2" if step.action == "create" else "function_updated_v2"
                site.functions.get_waiter(waits_for).wait(FunctionName=name)  # type: ignore[call-overload]
        except (ClientError, BotoCoreError) as error:
            raise ServiceError(f"AWS: cannot {step.action} {step.what}: {error}") from error
        say(step)
