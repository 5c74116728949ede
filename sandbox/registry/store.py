"""Schemas and subjects, kept in one file that is replaced as a whole; it survives a kill -9."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock


@dataclass
class SchemaStore:
    """Schemas by their ids, from 1, and the versions of each subject, from 1, as ids in order."""

    path: Path
    schemas: list[str] = field(default_factory=list)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def load(self) -> None:
        """Take up what was saved, if anything was."""
        if self.path.is_file():
            saved = json.loads(self.path.read_text(encoding="utf-8"))
            self.schemas, self.subjects = saved["schemas"], saved["subjects"]

    def register(self, subject: str, schema: str) -> int:
        """The id of a schema, which is the subject's newest version from now on unless it is one of them already."""
        with self._lock:
            if schema not in self.schemas:
                self.schemas.append(schema)
            number = self.schemas.index(schema) + 1
            versions = self.subjects.setdefault(subject, [])
            if number not in versions:
                versions.append(number)
                self._save()
            return number

    def _save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        written = self.path.with_suffix(".new")
        text = json.dumps({"schemas": self.schemas, "subjects": self.subjects}, ensure_ascii=False)
        written.write_text(text, encoding="utf-8")
        written.replace(self.path)
