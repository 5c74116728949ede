"""Contract files: TOML in, a validated `Contract` out, or every problem of the file at once."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pipeline_contract.contract_checks import find_problems
from pipeline_contract.errors import ConfigurationError, ContractError
from pipeline_contract.model import Contract

PIPELINES = Path("conf/pipelines")


def find_contract(pipeline: str, folder: Path = PIPELINES) -> Path:
    """The file of a pipeline's contract, given its name or the file's own path; an unknown one names those there are."""
    if pipeline.endswith(".toml"):
        return Path(pipeline)
    path = folder / f"{pipeline}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.toml"))) or "none"
        raise ConfigurationError(f"no pipeline {pipeline!r}: {path} does not exist (known: {known})")
    return path


def load_contract(path: Path) -> Contract:
    """Read one contract file, or raise `ContractError` with every problem: the key, what was found, what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ContractError(str(path), [f"not UTF-8 at byte {error.start}"]) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContractError(str(path), [f"not valid TOML: {error}"]) from error
    contract, problems = parse_contract(data)
    if data.get("name") not in (None, path.stem) and not problems:
        problems.append(f"name: found {data['name']!r}, allowed: {path.stem!r}, the name of the file")
    if problems:
        raise ContractError(str(path), problems)
    return contract


def parse_contract(data: dict[str, Any]) -> tuple[Contract, list[str]]:
    """Build the contract from parsed TOML, with every problem; the contract is whole only when there is none.

    Each part is validated on its own, so that one broken column hides no other problem.
    """
    problems = [_unknown_key((), key, Contract) for key in data if key not in _keys(Contract)]
    good: dict[str, Any] = {}
    for name, field in Contract.model_fields.items():
        key = field.alias or name
        if key not in data:
            if field.is_required():
                problems.append(f"{key}: missing; it is required")
            elif field.default is not None or not field.is_required():
                good[name] = field.get_default(call_default_factory=True)
            continue
        good[name], found = _validate_field(key, field, data[key])
        problems += found
    contract = Contract.model_construct(**{k: v for k, v in good.items() if v is not _BROKEN})
    return contract, problems + find_problems(contract, set(_declared_names(data)))


def hash_contract(contract: Contract) -> str:
    """A short fingerprint of all that a contract says; equal contracts have equal ones."""
    text = json.dumps(contract.model_dump(mode="json", by_alias=True), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_BROKEN = object()


def _validate_field(key: str, field: FieldInfo, value: Any) -> tuple[Any, list[str]]:
    items = get_args(field.annotation)
    is_list_of_parts = (
        items and isinstance(items[0], type) and issubclass(items[0], BaseModel) and items[-1] is Ellipsis
    )
    if not is_list_of_parts or not isinstance(value, list) or not value:
        return _validate((key,), field.annotation, value, list(field.metadata))
    results = [_validate((key, number), items[0], item, []) for number, item in enumerate(value)]
    good = tuple(result for result, _ in results if result is not _BROKEN)
    return good, [problem for _, found in results for problem in found]


def _validate(
    location: tuple[str | int, ...], annotation: Any, value: Any, metadata: list[Any]
) -> tuple[Any, list[str]]:
    adapter: TypeAdapter[Any] = TypeAdapter(FieldInfo.from_annotation(annotation).annotation)
    if metadata:
        adapter = TypeAdapter(_annotated(annotation, metadata))
    try:
        # TOML has dates and times of its own, and no other reading of a string: nothing is coerced but lists.
        return adapter.validate_python(value), []
    except ValidationError as error:
        model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        return _BROKEN, [_describe(location, dict(problem), model) for problem in error.errors(include_url=False)]


def _annotated(annotation: Any, metadata: list[Any]) -> Any:
    from typing import Annotated  # noqa: PLC0415 - a typing form built at run time

    return Annotated[(annotation, *metadata)]


def _describe(location: tuple[str | int, ...], problem: dict[str, Any], model: type[BaseModel] | None) -> str:
    where = (*location, *(part for part in problem["loc"] if part != "[key]"))
    if problem["type"] == "extra_forbidden":
        return _unknown_key(where[:-1], str(where[-1]), model if len(problem["loc"]) == 1 else None)
    if problem["type"] == "missing":
        return f"{_dotted(where)}: missing; it is required"
    allowed = str(problem["msg"]).removeprefix("Value error, ").replace("Input should be", "allowed:")
    return f"{_dotted(where)}: found {_shorten(problem['input'])}, {allowed}"


def _unknown_key(location: tuple[str | int, ...], key: str, model: type[BaseModel] | None) -> str:
    allowed = sorted(_keys(model)) if model else []
    near = get_close_matches(key, allowed, n=1)
    hint = f", did you mean {near[0]!r}?" if near else (f"; allowed: {', '.join(allowed)}" if allowed else "")
    return f"{_dotted((*location, key))}: unknown key{hint}"


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _dotted(location: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _declared_names(data: dict[str, Any]) -> Iterator[str]:
    """Every column name that the file declares anywhere, broken or not: it is not unknown because of another problem."""
    for key in ("column", "derived", "lookup"):
        items = data.get(key)
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict):
                inner = item.get("columns", []) if key == "lookup" else [item]
                yield from (str(i["name"]) for i in inner if isinstance(i, dict) and "name" in i)
