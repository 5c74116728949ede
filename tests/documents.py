"""The project's documents as tests read them: fenced and indented blocks, by language and heading, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

DOCUMENTS = [Path("README.md"), Path("data/README.md"), *sorted(Path("docs").rglob("*.md"))]
UNTIL_INTERRUPTED = "# until Ctrl-C"
SHELLS = ("bash", "sh")


class Block(NamedTuple):
    """A fenced block, or an indented one, whose language is empty; `heading` is the one of level 2 that it stands under."""

    path: Path
    line: int
    heading: str
    language: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.path}:{self.line}"


class Command(NamedTuple):
    """One command line of a block, continuation lines joined."""

    place: str
    heading: str
    line: str

    @property
    def words(self) -> list[str]:
        """Its words up to a pipe, a redirection or another command."""
        lexer = shlex.shlex(self.line, posix=True, punctuation_chars="|>&;")
        lexer.whitespace_split = True
        words = list(lexer)
        ends = [number for number, word in enumerate(words) if set(word) <= set("|>&;")]
        return words[: min(ends, default=len(words))]


def read_blocks(path: Path) -> Iterator[Block]:
    """The blocks of a document, in order."""
    heading, language, lines, begin = "", None, list[str](), 0
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        if language in (None, "indented"):
            is_code = line.startswith("    ") and (language or (not lines and not line.lstrip().startswith("-")))
            if language == "indented" and not is_code:
                yield Block(path, begin, heading, "", "\n".join(lines))
                language, lines = None, []
            if line.startswith("```"):
                language, lines, begin = line[3:].strip() or "text", [], number
            elif is_code:
                begin = begin if language else number
                language, lines = "indented", [*lines, line[4:]]
            elif line.startswith("## "):
                heading = line[3:]
        elif line.startswith("```"):
            yield Block(path, begin, heading, language or "", "\n".join(lines))
            language, lines = None, []
        else:
            lines.append(line)


def read_commands(block: Block) -> Iterator[Command]:
    """The commands of a block of shell."""
    for line in block.text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield Command(block.place, block.heading, line.strip())


def list_commands(program: re.Pattern[str]) -> list[Command]:
    """The commands of all documents that begin with a program."""
    blocks = (block for path in DOCUMENTS for block in read_blocks(path) if block.language in (*SHELLS, "", "text"))
    return [command for block in blocks for command in read_commands(block) if program.match(command.line)]


def install_example(page: Path, heading: str, folder: Path) -> str:
    """Lay the module that stands under a page's heading, named by its entry point, into a folder, and return its code."""
    blocks = {block.language: block.text for block in read_blocks(page) if block.heading == heading}
    group, entry = (line.strip() for line in blocks["ini"].splitlines()[1:3])
    module = entry.partition("= ")[2].partition(":")[0]
    (folder / f"{module}.py").write_text(blocks["python"])
    package = folder / f"{module}-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[{group.removesuffix(' =')}]\n{entry}\n")
    return blocks["python"]
