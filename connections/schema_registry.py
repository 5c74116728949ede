"""The one place that asks a schema registry, by the calls that Confluent's and its compatible ones share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connections.settings import KafkaSettings
from pipeline_contract.avro_values import derive_avro_schema, name_subject
from pipeline_contract.errors import ConfigurationError, ServiceError
from pipeline_contract.model import Contract

# It takes a while to import, and only Avro needs it.
if TYPE_CHECKING:
    import requests

_CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
_SUBJECT_UNKNOWN = 40401


# Answers the schemas that the messages of a topic may have been written with, by their ids.
ReadSchemas = Callable[[], Mapping[int, str]]


def open_schemas(settings: KafkaSettings, contract: Contract) -> ReadSchemas:
    """What to ask for the schemas of a contract's topic, each time before its messages are read; none but for Avro."""
    if contract.topic.value_format != "avro":
        return dict
    registry, subject = SchemaRegistry(settings), name_subject(contract.topic.name)
    return lambda: registry.read_schemas(subject)


def register_schema(settings: KafkaSettings, contract: Contract) -> int:
    """Register the schema of a contract's Avro values, unless it is known, and return its id; 0 for any other format."""
    if contract.topic.value_format != "avro":
        return 0
    return SchemaRegistry(settings).register(name_subject(contract.topic.name), derive_avro_schema(contract))


class SchemaRegistry:
    """A registry's schemas; what it has once said of a version or an id holds for ever and is not asked again.

    Every method raises `ServiceError` when the registry cannot be reached or refuses, with its own words.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        if not settings.schema_registry_url:
            raise ConfigurationError(
                'kafka.schema_registry_url is not set, and topic.value_format = "avro" needs it: name the registry there or '
                "in MILLRACE_KAFKA__SCHEMA_REGISTRY_URL"
            )
        self._url = settings.schema_registry_url.rstrip("/")
        self._settings = settings
        self._versions: dict[tuple[str, int], tuple[int, str]] = {}

    def register(self, subject: str, schema: str) -> int:
        """Make a schema known as a subject's newest version, unless it is one already, and return its id."""
        return int(self._call("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": schema})["id"])

    def read_schemas(self, subject: str) -> dict[int, str]:
        """Every Avro schema of a subject by its id, as JSON text; none for a subject that is not known yet."""
        path = f"/subjects/{quote(subject, safe='')}/versions"
        for version in self._call("GET", path) or ():
            if (subject, version) not in self._versions:
                found = self._call("GET", f"{path}/{version}")
                is_avro = found.get("schemaType", "AVRO") == "AVRO"
                self._versions[subject, version] = (found["id"], found["schema"] if is_avro else "")
        known = (entry for (name, _), entry in self._versions.items() if name == subject)
        return {number: schema for number, schema in known if schema}

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        import requests  # noqa: PLC0415 - see above

        password = self._settings.schema_registry_password
        login = (self._settings.schema_registry_username or "", password.get_secret_value()) if password else None
        try:
            answer = requests.request(
                method, self._url + path, json=body, auth=login, headers={"Accept": _CONTENT_TYPE},
                timeout=self._settings.timeout_s,
            )  # fmt: skip
            answered = answer.json() if answer.content else {}
        except (requests.RequestException, ValueError) as error:
            raise ServiceError(f"schema registry at {self._url}: {method} {path}: {error}") from error
        if answer.ok:
            return answered
        if isinstance(answered, dict) and answered.get("error_code") == _SUBJECT_UNKNOWN and method == "GET":
            return None
        raise ServiceError(f"schema registry at {self._url}: {method} {path}: {_describe(answer, answered)}")


def _describe(answer: requests.Response, answered: Any) -> str:
    said = answered.get("message", "") if isinstance(answered, dict) else ""
    return f"{answer.status_code} {answer.reason}: {said}" if said else f"{answer.status_code} {answer.reason}"
