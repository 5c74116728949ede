"""A column's texts that were cast of late: most columns have few, and looking one up is many times faster."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pipeline_contract.row_reasons import Reason, make_reason
from pipeline_contract.text_casts import CastText

# A memory holds no more texts, and none that is longer.
_MAX_TEXTS, _MAX_CHARACTERS = 20_000, 64


class CastMemory(dict[str | None, Any]):
    """The values of a column by their texts; what is no value of it is null, and said once each time it is met."""

    def __init__(
        self, name: str, cast: CastText, wrong: list[Reason], nulls: Collection[str], *, nullable: bool, shown: bool
    ) -> None:
        super().__init__()
        self._name, self._cast, self._wrong = name, cast, wrong
        self._nulls, self._nullable, self._shown = frozenset(nulls), nullable, shown

    def __missing__(self, text: str | None) -> Any:
        if text is None or text in self._nulls:
            if not self._nullable:
                self._wrong.append(make_reason(f"null:{self._name}", self._name))
            return None
        value = self._cast(text)
        if value is None:
            self._wrong.append(make_reason(f"type:{self._name}", self._name, text if self._shown else None))
        elif len(text) <= _MAX_CHARACTERS:
            if len(self) >= _MAX_TEXTS:
                self.clear()
            self[text] = value
        return value
