"""A reader of Snowflake statements that the SQL parser does not know: it walks the tokens of sqlglot's tokenizer."""

from __future__ import annotations

import re

from sqlglot.dialects.snowflake import Snowflake
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from sandbox.snowpipe.sql_errors import SqlError, syntax_error

OptionValue = str | list[str] | dict[str, "OptionValue"]
Options = dict[str, OptionValue]

_STAGE_PATH = re.compile(r"""@(?:"(?:[^"]|"")*"|[^\s()'",;])+""")


def _split_words(token: Token, text: str) -> list[Token]:
    """Return a keyword of several words (`STORAGE INTEGRATION`) as one token a word."""
    if token.token_type in (TokenType.STRING, TokenType.RAW_STRING, TokenType.HEREDOC_STRING, TokenType.IDENTIFIER):
        return [token]
    words = list(re.finditer(r"\S+", text[token.start : token.end + 1]))
    if len(words) < 2:
        return [token]
    return [
        Token(
            TokenType.VAR, word.group(), token.line, token.col, token.start + word.start(), token.start + word.end() - 1
        )
        for word in words
    ]


class StatementReader:
    """Reads one statement from left to right; positions are token indexes, slices are source text."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            tokens = Snowflake().tokenize(text)
        except TokenError as error:
            raise syntax_error(f"{error}") from None
        if tokens and tokens[0].token_type == TokenType.EXECUTE:
            # The tokenizer takes all that follows EXECUTE as one string.
            behind = tokens[0].end + 1
            tokens = [tokens[0], *Snowflake().tokenize(" " * behind + text[behind:])]
        while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
            tokens = tokens[:-1]
        if any(token.token_type == TokenType.SEMICOLON for token in tokens):
            count = 1 + sum(token.token_type == TokenType.SEMICOLON for token in tokens)
            message = f"Actual statement count {count} did not match the desired statement count 1."
            raise SqlError(message, 8, "0A000")
        self.tokens = [part for token in tokens for part in _split_words(token, text)]
        self.position = 0

    @property
    def statement(self) -> str:
        """The statement without the comments around it and without its semicolon."""
        return self.slice_text(self.tokens[0], self.tokens[-1]) if self.tokens else ""

    @property
    def is_done(self) -> bool:
        """True when every token is read."""
        return self.position >= len(self.tokens)

    def peek(self, ahead: int = 0) -> str:
        """Return the next word in upper case, or '' at the end; a string literal keeps its quotes."""
        index = self.position + ahead
        if index >= len(self.tokens):
            return ""
        token = self.tokens[index]
        return self.slice_text(token, token).upper()

    def take(self) -> Token:
        """Return the next token and move past it."""
        if self.is_done:
            raise syntax_error(f"unexpected end of statement: {self.text.strip()[:200]}")
        token = self.tokens[self.position]
        self.position += 1
        return token

    def accept(self, *words: str) -> str:
        """Move past these words and return them joined if they come next, or return ''."""
        if all(self.peek(index) == word for index, word in enumerate(words)):
            self.position += len(words)
            return " ".join(words)
        return ""

    def expect(self, *words: str) -> None:
        """Move past these words, or raise a syntax error that names what was found."""
        if not self.accept(*words):
            raise self.unexpected(" ".join(words))

    def unexpected(self, wanted: str) -> SqlError:
        """Return the syntax error for the next token."""
        if self.is_done:
            return syntax_error(f"syntax error: unexpected end of statement, expected {wanted}")
        token = self.tokens[self.position]
        found = self.slice_text(token, token)
        return syntax_error(
            f"syntax error line {token.line} at position {token.col} unexpected '{found}', expected {wanted}"
        )

    def slice_text(self, first: Token, last: Token) -> str:
        """Return the source text from the first token to the last."""
        return self.text[first.start : last.end + 1]

    def take_string(self) -> str:
        """Return the value of a string literal."""
        token = self.take()
        if token.token_type not in (TokenType.STRING, TokenType.RAW_STRING, TokenType.HEREDOC_STRING):
            self.position -= 1
            raise self.unexpected("a string literal")
        return token.text

    def take_name(self) -> str:
        """Return a dotted identifier as source text, its quotes kept."""
        first = last = self.take()
        while self.peek() == ".":
            self.take()
            last = self.take()
        return self.slice_text(first, last)

    def take_stage_path(self) -> str:
        """Return `@stage/path` as source text, whether bare or in a string literal."""
        if not self.is_done and self.tokens[self.position].token_type == TokenType.STRING:
            path = self.take_string()
            if not path.startswith("@"):
                raise SqlError(f"SQL compilation error:\ninvalid URL prefix found in: '{path}'", 1011, "42601")
            return path
        if self.peek() != "@":
            raise self.unexpected("a stage (@name/path/)")
        match = _STAGE_PATH.match(self.text, self.tokens[self.position].start)
        if match is None:
            raise self.unexpected("a stage (@name/path/)")
        while not self.is_done and self.tokens[self.position].start < match.end():
            self.position += 1
        return match.group()

    def take_parenthesis(self) -> str:
        """Return the source text between the next parenthesis and its match."""
        self.expect("(")
        start = self.tokens[self.position - 1].end + 1
        depth = 1
        while depth:
            word = self.peek()
            token = self.take()
            depth += {"(": 1, ")": -1}.get(word, 0)
        return self.text[start : token.start]

    def take_options(self) -> Options:
        """Return the `NAME = value` pairs that come next; names in upper case."""
        options: Options = {}
        while not self.is_done and self.peek(1) == "=":
            name = self.take().text.upper()
            self.take()
            options[name] = self._take_value()
            self.accept(",")
        return options

    def _take_value(self) -> OptionValue:
        if self.accept("("):
            return self._take_list()
        token = self.tokens[self.position] if not self.is_done else self.take()
        if token.token_type in (TokenType.STRING, TokenType.RAW_STRING, TokenType.HEREDOC_STRING):
            return self.take().text
        if self.peek() == "-":
            self.take()
            return "-" + self.take_name()
        return self.take_name()

    def _take_list(self) -> OptionValue:
        if self.peek(1) == "=":
            options = self.take_options()
            self.expect(")")
            return options
        values: list[str] = []
        while not self.accept(")"):
            value = self._take_value()
            values.append(value if isinstance(value, str) else "")
            self.accept(",")
        return values


def is_true(value: OptionValue | None) -> bool:
    """Return whether an option's value is TRUE."""
    return isinstance(value, str) and value.upper() == "TRUE"


def get_text(options: Options, name: str, default: str = "") -> str:
    """Return an option's value as text, or the default where it is not given."""
    value = options.get(name, default)
    if not isinstance(value, str):
        raise syntax_error(f"invalid value {value!r} for option {name}")
    return value


def get_list(options: Options, name: str) -> list[str]:
    """Return an option's value as a list of texts; one text counts as a list of one."""
    value = options.get(name, [])
    if isinstance(value, dict):
        raise syntax_error(f"invalid value {value!r} for option {name}")
    return [value] if isinstance(value, str) else value


def get_options(options: Options, name: str) -> Options:
    """Return an option's value as nested options; `()` counts as none."""
    value = options.get(name, {})
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise syntax_error(f"invalid value {value!r} for option {name}")
    return value
