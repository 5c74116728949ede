"""The patterns of LIKE and RLIKE as Python's regular expressions, as far as both languages mean the same."""

from __future__ import annotations

import re
from collections.abc import Callable

Matches = Callable[[str], bool]

_TERMINATORS = "\\n\\r\x85\u2028\u2029"
_CLASSES = {
    "d": "[0-9]", "D": "[^0-9]", "w": "[a-zA-Z0-9_]", "W": "[^a-zA-Z0-9_]", "s": "[ \\t\\n\\x0b\\f\\r]",
    "S": "[^ \\t\\n\\x0b\\f\\r]", "t": "\\t", "n": "\\n", "r": "\\r",
}  # fmt: skip
_IN_CLASS = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " \\t\\n\\x0b\\f\\r", "t": "\\t", "n": "\\n", "r": "\\r"}
_PIECES = re.compile(
    r"\\(?P<escape>.)|\[(?P<negated>\^?)(?P<members>(?:[^\[\]&\\]|\\.)+)\]|(?P<group>\((?:\?:|(?!\?))|\)|\|)"
    r"|(?P<times>(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})\??(?![*+?{]))|(?P<plain>[^\\\[\](){}*+?|])",
    re.DOTALL,
)


def compile_like(pattern: str) -> Matches:
    """Whether a text is as a LIKE pattern: `%` any characters, `_` one, a backslash before a sign that is meant itself.

    `ValueError` for a backslash before another character, which Spark refuses.
    """
    expression, at = "", 0
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
            if pattern[at : at + 1] not in ("%", "_", "\\"):
                raise ValueError(f"the LIKE pattern {pattern!r} escapes what needs none")
            expression += re.escape(pattern[at])
        else:
            expression += {"%": ".*", "_": "."}.get(sign) or re.escape(sign)
        at += 1
    compiled = re.compile(expression, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def compile_rlike(pattern: str) -> Matches:
    """Whether a regular expression of Java's is found in a text; `ValueError` names what Python would read otherwise."""
    expression, at = "", 0
    while at < len(pattern):
        piece = _PIECES.match(pattern, at)
        if piece is None:
            raise ValueError(f"{pattern[at : at + 6]!r} in the regular expression {pattern!r}")
        expression += _translate(piece, pattern)
        at = piece.end()
    try:
        compiled = re.compile(expression)
    except re.error as error:
        raise ValueError(f"the regular expression {pattern!r}: {error}") from error
    return lambda text: compiled.search(text) is not None


def _translate(piece: re.Match[str], pattern: str) -> str:
    if piece["escape"]:
        return _translate_escape(piece["escape"], _CLASSES, pattern)
    if piece["members"]:
        members = re.sub(
            r"\\(.)|([^\\])",
            lambda m: _translate_escape(m[1], _IN_CLASS, pattern) if m[1] else re.escape(m[2]) if m[2] != "-" else "-",
            piece["members"],
            flags=re.DOTALL,
        )
        return f"[{piece['negated']}{members}]"
    if piece["plain"]:
        # Java's $ stands before the last line's end too, whichever it is, and its dot for no line's end.
        signs = {".": f"[^{_TERMINATORS}]", "$": rf"(?=(?:\r\n|[{_TERMINATORS}])?\Z)", "^": "^"}
        return signs.get(piece["plain"]) or re.escape(piece["plain"])
    return piece[0]


def _translate_escape(character: str, classes: dict[str, str], pattern: str) -> str:
    if character in classes:
        return classes[character]
    if character.isalnum():
        sign = f"\\{character}"
        raise ValueError(f"{sign!r} in the regular expression {pattern!r}")
    return re.escape(character)
