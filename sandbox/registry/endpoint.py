"""The registry's HTTP side. Calls, answers and error codes: docs.confluent.io/platform/current/schema-registry/develop/api."""

from __future__ import annotations

import json
from typing import Any

from fastavro import parse_schema
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.registry.store import SchemaStore

HEALTH_MARK = "millrace sandbox, emulated schema registry"


class RegistryAnswer(JSONResponse):
    """JSON under the registry's own content type."""

    media_type = "application/vnd.schemaregistry.v1+json"


class Registry:
    """Answers each call from the store."""

    def __init__(self, store: SchemaStore) -> None:
        self._store = store

    def make_app(self) -> Starlette:
        """The application to be served."""
        return Starlette(
            routes=[
                Route("/_sandbox/health", self.tell_health),
                Route("/subjects", self.list_subjects),
                Route("/subjects/{subject:path}/versions", self.register, methods=["POST"]),
                Route("/subjects/{subject:path}/versions", self.list_versions),
                Route("/subjects/{subject:path}/versions/{version}", self.get_version),
                Route("/schemas/ids/{number:int}", self.get_schema),
            ]
        )

    async def tell_health(self, _: Request) -> JSONResponse:
        """Who this is."""
        return RegistryAnswer({"service": HEALTH_MARK})

    async def list_subjects(self, _: Request) -> JSONResponse:
        """The names of all subjects."""
        return RegistryAnswer(sorted(self._store.subjects))

    async def register(self, request: Request) -> JSONResponse:
        """The id of a schema, new or not."""
        body: dict[str, Any] = await request.json()
        kind = body.get("schemaType", "AVRO")
        if kind != "AVRO":
            return refuse(422, 42201, f"Invalid schema type {kind}: the sandbox's registry knows AVRO alone")
        try:
            parse_schema(json.loads(body["schema"]))
        except Exception as error:
            return refuse(422, 42201, f"Invalid schema: {error}")
        return RegistryAnswer({"id": self._store.register(request.path_params["subject"], body["schema"])})

    async def list_versions(self, request: Request) -> JSONResponse:
        """The versions of a subject."""
        versions = self._store.subjects.get(request.path_params["subject"])
        return RegistryAnswer(list(range(1, len(versions) + 1))) if versions else refuse_subject(request)

    async def get_version(self, request: Request) -> JSONResponse:
        """One version of a subject, or its latest."""
        subject, asked = request.path_params["subject"], request.path_params["version"]
        versions = self._store.subjects.get(subject)
        if not versions:
            return refuse_subject(request)
        version = len(versions) if asked == "latest" else int(asked) if asked.isdigit() else 0
        if not 1 <= version <= len(versions):
            return refuse(404, 40402, f"Version {asked} not found.")
        number = versions[version - 1]
        answer = {"subject": subject, "version": version, "id": number, "schema": self._store.schemas[number - 1]}
        return RegistryAnswer(answer)

    async def get_schema(self, request: Request) -> JSONResponse:
        """The schema of an id."""
        number = request.path_params["number"]
        if not 1 <= number <= len(self._store.schemas):
            return refuse(404, 40403, f"Schema {number} not found")
        return RegistryAnswer({"schema": self._store.schemas[number - 1]})


def refuse(status: int, code: int, message: str) -> JSONResponse:
    """An error as the registry tells it."""
    return RegistryAnswer({"error_code": code, "message": message}, status_code=status)


def refuse_subject(request: Request) -> JSONResponse:
    """The error for a subject that nobody has registered a schema for."""
    return refuse(404, 40401, f"Subject '{request.path_params['subject']}' not found.")
