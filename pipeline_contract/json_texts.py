"""JSON objects as names and texts, with the answers of Spark's parser (Jackson) to whatever the bytes are.

A text is taken as it stands, anything else as Jackson writes it again: numbers in their shortest form, objects and
arrays without white space. Only what a library for JSON cannot tell is read here; it is several times slower.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite, isnan
from typing import NamedTuple

# Jackson's own limits: github.com/FasterXML/jackson-core, StreamReadConstraints.
_MAX_DEPTH, _MAX_NAME, _MAX_DIGITS = 1000, 50_000, 1000
_TOKEN = re.compile(
    r'[ \t\n\r]*(?:([{}\[\],:])|"([^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*)"'
    r"|(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)|(true|false|null))"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TO_ESCAPE = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Field(NamedTuple):
    """A field of an object: its name, its value's text, null for JSON's null, and whether that is a whole number."""

    name: str
    text: str | None
    is_whole: bool = False


class _Malformed(ValueError):
    """What is no JSON."""


class _Token(NamedTuple):
    kind: str  # one of {}[],: or: text, whole, fraction, word
    text: str


def read_wrapped_object(text: str) -> list[Field] | None:
    """The fields of an object, in order, one that stands twice twice; None for what is no object.

    The object is the value of a field of another, as the job reads it: what follows it may be more such fields, and
    behind the closing brace of that one anything.
    """
    try:
        tokens = _Tokens(text + "}")
        fields = _read_fields(tokens, tokens.take(), 2)
        while (token := tokens.take()).kind == ",":
            name = _read_name(tokens, tokens.take())
            value = tokens.take()
            if name != "object":
                _copy(tokens, value, 1)
            else:
                fields = _read_fields(tokens, value, 2)
    except _Malformed:
        return None
    return fields if token.kind == "}" else None


def read_object(text: str) -> list[Field]:
    """The fields of the object with which a text begins; none where it begins with something else."""
    try:
        tokens = _Tokens(text)
        return _read_fields(tokens, tokens.take(), 1)
    except _Malformed:
        return []


def show_double(number: float) -> str:
    """A double as Java shows it: `9.5`, `1.0E10`, `"NaN"`."""
    if not isfinite(number):
        return "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"
    digits, _, exponent = f"{number!r}".partition("e")
    if not exponent and (number == 0 or 1e-3 <= abs(number) < 1e7):
        return digits
    sign = "-" if digits[0] == "-" else ""
    figures, power = _split_double(abs(number))
    if -3 <= power < 7:
        return f"{sign}{_place_point(figures, power)}"
    return f"{sign}{figures[0]}.{figures[1:] or '0'}E{power}"


def _split_double(number: float) -> tuple[str, int]:
    """The shortest figures of a double that is not 0, and the power of ten of the first one."""
    _, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if len(digits) == 1:  # Java looks for two figures at least
        _, digits, exponent = Decimal(f"{number:.1e}").normalize().as_tuple()
    return "".join(map(str, digits)), int(exponent) + len(digits) - 1


def escape_text(text: str) -> str:
    """A text within quotes as Jackson writes it."""
    return f'"{_TO_ESCAPE.sub(_escape, text)}"' if _TO_ESCAPE.search(text) else f'"{text}"'


def _escape(match: re.Match[str]) -> str:
    return _SHORT_ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}"


def _place_point(figures: str, power: int) -> str:
    if power < 0:
        return f"0.{'0' * (-power - 1)}{figures}"
    return f"{figures[: power + 1].ljust(power + 1, '0')}.{figures[power + 1 :] or '0'}"


class _Tokens:
    """The tokens of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def take(self) -> _Token:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            raise _Malformed
        self._at = match.end()
        sign, text, whole, rest, word = match.groups()
        if sign:
            return _Token(sign, sign)
        if text is not None:
            return _Token("text", text)
        if word:
            return _Token("word", word)
        # Jackson counts neither signs nor a zero before the point.
        if sum(map(str.isdigit, whole.removeprefix("-0") + rest)) - (whole == "0") > _MAX_DIGITS:
            raise _Malformed
        return _Token("fraction" if rest else "whole", whole + rest)


def _expect(tokens: _Tokens, kind: str) -> _Token:
    token = tokens.take()
    if token.kind != kind:
        raise _Malformed
    return token


def _read_fields(tokens: _Tokens, opening: _Token, depth: int) -> list[Field]:
    if opening.kind != "{":
        raise _Malformed
    fields: list[Field] = []
    token = tokens.take()
    if token.kind == "}":
        return fields
    while True:
        name = _read_name(tokens, token)
        value = tokens.take()
        fields.append(Field(name, _show(tokens, value, depth), value.kind == "whole"))
        token = tokens.take()
        if token.kind == "}":
            return fields
        if token.kind != ",":
            raise _Malformed
        token = tokens.take()


def _read_name(tokens: _Tokens, token: _Token) -> str:
    if token.kind != "text" or (len(token.text) > _MAX_NAME and len(_unescape(token.text)) > _MAX_NAME):
        raise _Malformed
    _expect(tokens, ":")
    return _replace_surrogates(_unescape(token.text))


def _show(tokens: _Tokens, value: _Token, depth: int) -> str | None:
    """A value as text: a text itself, null as none, all else as JSON."""
    if value.kind == "text":
        return _replace_surrogates(_unescape(value.text))
    if value.text == "null":
        return None
    return "".join(_copy(tokens, value, depth))


def _copy(tokens: _Tokens, value: _Token, depth: int) -> list[str]:
    """The parts of a value as Jackson writes it again; without recursion, as values may be nested deeply."""
    parts, closing = list[str](), list[str]()
    while True:
        if value.kind in "{[":
            closing.append("}" if value.kind == "{" else "]")
            if depth + len(closing) > _MAX_DEPTH:
                raise _Malformed
            parts.append(value.kind)
            value = tokens.take()
            if value.kind != closing[-1]:
                value = _begin_entry(tokens, value, closing[-1], parts)
                continue
            parts.append(closing.pop())
        else:
            parts.append(_write(value))
        # Behind a value: the ends of all that it ends, then the next entry of what it stands in.
        while closing:
            token = tokens.take()
            if token.kind != closing[-1]:
                break
            parts.append(closing.pop())
        if not closing:
            return parts
        if token.kind != ",":
            raise _Malformed
        parts.append(",")
        value = _begin_entry(tokens, tokens.take(), closing[-1], parts)


def _begin_entry(tokens: _Tokens, token: _Token, closing: str, parts: list[str]) -> _Token:
    """The value of an entry, its name written where it stands in an object."""
    if closing == "]":
        return token
    parts += (escape_text(_unescape(token.text)), ":")
    _read_name(tokens, token)
    return tokens.take()


def _write(token: _Token) -> str:
    match token.kind:
        case "text":
            return escape_text(_unescape(token.text))
        case "whole":
            return str(int(token.text))
        case "fraction":
            number = float(token.text)
            return show_double(number) if isfinite(number) else f'"{show_double(number)}"'
        case "word":
            return token.text
    raise _Malformed


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _ESCAPED.get(m[2], m[2]), text)
    return _PAIR.sub(lambda m: m[0].encode("utf-16", "surrogatepass").decode("utf-16"), plain)


def _replace_surrogates(text: str) -> str:
    """The text with a question mark for each half of a character, as Java encodes it."""
    return _SURROGATE.sub("?", text)
