"""Contract files: TOML in, a validated `Contract` out, or every problem of the file at once."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from pipeline_contract.contract_checks import find_problems
from pipeline_contract.errors import ConfigurationError, ContractError
from pipeline_contract.model import Contract, Part
from pipeline_contract.problem_text import describe_problem, describe_unknown_key, list_keys

PIPELINES = Path("conf/pipelines")
# Contracts of another shape: `pipeline_contract.event_contract_file`.
EVENTS = Path("conf/events")


def find_contract(pipeline: str, folder: Path = PIPELINES) -> Path:
    """The file of a pipeline's contract, by its name or the file's own path; an unknown one names those there are."""
    if pipeline.endswith(".toml"):
        return Path(pipeline)
    path = folder / f"{pipeline}.toml"
    if not path.is_file():
        known = ", ".join(list_contracts(folder)) or "none"
        hint = ""
        if (EVENTS / f"{pipeline}.toml").is_file():
            hint = f"; {pipeline} is a set of events, which an API takes in and no topic holds (docs/events.md)"
        raise ConfigurationError(f"no pipeline {pipeline!r}: {path} does not exist (known: {known}){hint}")
    return path


def list_contracts(folder: Path = PIPELINES) -> list[str]:
    """The names of all pipelines that have a contract, in order."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def load_contract(path: Path) -> Contract:
    """Read one contract file, or raise `ContractError` with every problem: the key, what was found, what is allowed."""
    data = read_toml(path)
    contract, problems = parse_contract(data)
    if (name := getattr(contract, "name", path.stem)) != path.stem:
        problems.append(f"name: found {name!r}, allowed: {path.stem!r}, the name of the file")
    if problems:
        raise ContractError(str(path), problems)
    return contract


def parse_contract(data: dict[str, Any]) -> tuple[Contract, list[str]]:
    """Build the contract from parsed TOML, with every problem; the contract is whole only when there is none.

    Each part is validated on its own, so that one broken column hides no other problem.
    """
    good, broken, problems = parse_parts(Contract, data)
    contract = Contract.model_construct(**good)
    return contract, problems + find_problems(contract, set(_declared_names(data)), broken)


def parse_parts(model: type[Part], data: dict[str, Any]) -> tuple[dict[str, Any], set[str], list[str]]:
    """The top-level keys that hold, by their attribute; the keys that do not; and every problem of theirs."""
    problems = [describe_unknown_key((key,), model) for key in data if key not in list_keys(model)]
    good: dict[str, Any] = {}
    broken: set[str] = set()
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in data:
            value, found = _validate_field(key, field, data[key])
            good |= {name: value} if value is not None else {}
            broken |= {key} if found else set()
            problems += found
        elif field.is_required():
            problems.append(f"{key}: missing; it is required")
    return good, broken, problems


def hash_contract(contract: Part) -> str:
    """A short fingerprint of all that a contract says; equal contracts have equal ones."""
    text = json.dumps(contract.model_dump(mode="json", by_alias=True), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_toml(path: Path) -> dict[str, Any]:
    """A contract file's content; `ContractError` where it is no TOML, `ConfigurationError` where there is none to read."""
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ContractError(str(path), [f"not UTF-8: byte {error.start + 1} cannot be read"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ContractError(str(path), [f"not valid TOML: {error}"]) from error


def _validate_field(key: str, field: FieldInfo, value: Any) -> tuple[Any, list[str]]:
    """One top-level key: its value (none if broken) and its problems; of a list of parts the good ones are kept."""
    items = get_args(field.annotation)
    if not (items and items[-1] is Ellipsis and isinstance(value, list) and value):
        model = create_model(key, __base__=Part, **{key: (field.annotation, field)})  # type: ignore[call-overload]
        whole, problems = _validate((), model, {key: value})
        return getattr(whole, key, None), problems
    results = [_validate((_name_entry(key, number, item),), items[0], item) for number, item in enumerate(value)]
    good = tuple(part for part, _ in results if part is not None)
    return good, [problem for _, found in results for problem in found]


def _validate(location: tuple[str, ...], model: type[BaseModel], value: Any) -> tuple[Any, list[str]]:
    try:
        # A key is written as the contract names it, never as the model's attribute is called.
        return TypeAdapter(model).validate_python(value, by_alias=True, by_name=False), []
    except ValidationError as error:
        problems = error.errors(include_url=False)
        places = [problem["loc"] for problem in problems]
        # A list whose entries are broken is called too short as well: its entries' problems say all.
        own = [p for p in problems if not any(place[: len(p["loc"])] == p["loc"] != place for place in places)]
        return None, [_describe(location, problem, model) for problem in own]


def _describe(location: tuple[str, ...], problem: Any, model: type[BaseModel]) -> str:
    inner = tuple(part for part in problem["loc"] if part != "[key]")
    if problem["type"] == "extra_forbidden":
        return describe_unknown_key((*location, *inner), _find_model(model, inner[:-1]))
    return describe_problem((*location, *inner), problem)


def _find_model(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The part that stands at a place within another one."""
    if not location:
        return model
    for name, field in model.model_fields.items():
        if (field.alias or name) == location[0]:
            inner = next((a for a in (field.annotation, *get_args(field.annotation)) if _is_model(a)), None)
            rest = location[2:] if len(location) > 1 and isinstance(location[1], int) else location[1:]
            return _find_model(inner, rest) if inner else None
    return None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _name_entry(key: str, number: int, item: Any) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return f"{key} {name!r}" if isinstance(name, str) else f"{key}[{number + 1}]"


def _declared_names(data: dict[str, Any]) -> Iterator[str]:
    """Every column name that the file declares, broken or not: it is not unknown because of another problem."""
    for key in ("column", "derived", "lookup"):
        for item in _list_tables(data.get(key)):
            for inner in _list_tables(item.get("columns")) if key == "lookup" else [item]:
                if "name" in inner:
                    yield str(inner["name"])


def _list_tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
