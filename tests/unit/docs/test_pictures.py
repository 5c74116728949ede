"""The pictures of the ways are those that their script draws today, and each stands on a page."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import pytest

from tests.documents import DOCUMENTS

FOLDER = Path("docs/diagrams")
SCRIPT = FOLDER / "architecture.py"
# The README's ways, and all of them on one picture.
NAMES = {"architecture", "lake", "direct", "lambda", "s3", "events", "backfill"}
# GitHub shows a wider one smaller, and its labels with it.
MOST_PIXELS = 1120
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG by their types; each is held to its checksum."""
    assert png.startswith(SIGNATURE)
    chunks, at = [], len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + content),)
        chunks.append((kind, content))
        at += length + 12
    return chunks


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_picture_is_as_new_as_its_script(name: str) -> None:
    chunks = read_chunks((FOLDER / f"{name}.png").read_bytes())

    texts = dict(content.split(b"\0", 1) for kind, content in chunks if kind == b"tEXt")
    drawn_by = texts[b"source-sha256"].decode()

    assert drawn_by == hashlib.sha256(SCRIPT.read_bytes()).hexdigest(), "draw the pictures again: make diagrams"
    (width,) = struct.unpack_from(">I", chunks[0][1])
    assert width <= MOST_PIXELS


def test_every_picture_is_one_of_the_script_s_and_stands_on_a_page() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)

    assert {path.stem for path in FOLDER.glob("*.png")} == NAMES
    assert [name for name in sorted(NAMES) if f"diagrams/{name}.png)" not in pages] == []
