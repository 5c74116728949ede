"""Snowflake file formats: the options of CSV, JSON and Parquet, checked and completed with Snowflake's defaults.

Options and defaults: docs.snowflake.com/en/sql-reference/sql/create-file-format.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from sandbox.snowpipe.sql_errors import invalid_option
from sandbox.snowpipe.sql_reader import Options, OptionValue, get_text

_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\r": "\r", "\\\\": "\\", "\\N": "\\N"}


@dataclass(frozen=True)
class FileFormat:
    """The options by which a file's bytes become rows; text options hold the character itself, '' for NONE."""

    type: str = "CSV"
    compression: str = "AUTO"
    record_delimiter: str = "\n"
    field_delimiter: str = ","
    skip_header: int = 0
    parse_header: bool = False
    skip_blank_lines: bool = False
    trim_space: bool = False
    field_optionally_enclosed_by: str = ""
    escape: str = ""
    escape_unenclosed_field: str = "\\"
    null_if: tuple[str, ...] = ("\\N",)
    empty_field_as_null: bool = True
    error_on_column_count_mismatch: bool = True
    binary_format: str = "HEX"
    date_format: str = "AUTO"
    time_format: str = "AUTO"
    timestamp_format: str = "AUTO"
    encoding: str = "UTF8"
    replace_invalid_characters: bool = False
    multi_line: bool = True
    skip_byte_order_mark: bool = True
    strip_outer_array: bool = False
    strip_null_values: bool = False
    allow_duplicate: bool = False
    ignore_utf8_errors: bool = False
    enable_octal: bool = False
    validate_utf8: bool = True
    file_extension: str = ""
    use_logical_type: bool = False
    binary_as_text: bool = True
    use_vectorized_scanner: bool = False
    snappy_compression: bool = True


_TEXT_TYPES = {
    "type", "compression", "date_format", "time_format", "timestamp_format", "encoding", "binary_format",
    "file_extension",
}  # fmt: skip
_SUPPORTED_TYPES = ("CSV", "JSON", "PARQUET")
_COMPRESSIONS = ("AUTO", "NONE", "GZIP", "SNAPPY", "ZSTD")


def read_file_format(options: Options, base: FileFormat | None = None) -> FileFormat:
    """Return the file format that these options declare, on top of the base; unknown options are refused by name."""
    type_name = get_text(options, "TYPE", base.type if base else "CSV").upper()
    if type_name not in _SUPPORTED_TYPES:
        raise invalid_option(f"file format type {type_name} is not emulated; one of {', '.join(_SUPPORTED_TYPES)}")
    default = base or FileFormat(type=type_name)
    known = {field.name: getattr(default, field.name) for field in fields(FileFormat)}
    for name, value in options.items():
        key = name.lower()
        if key in ("comment", "format_name"):
            continue
        if key not in known:
            raise invalid_option(f"invalid parameter '{name}' for a file format")
        known[key] = _read_option(key, value, known[key])
    if known["compression"] not in _COMPRESSIONS:
        raise invalid_option(f"COMPRESSION = {known['compression']} is not emulated; one of {', '.join(_COMPRESSIONS)}")
    return FileFormat(**known)


def _read_option(key: str, value: OptionValue, current: object) -> object:
    if key == "null_if":
        values = value if isinstance(value, list) else [value]
        return tuple(_ESCAPES.get(str(item), str(item)) for item in values)
    if not isinstance(value, str):
        raise invalid_option(f"invalid value {value!r} for parameter '{key.upper()}'")
    if isinstance(current, bool):
        if value.upper() not in ("TRUE", "FALSE"):
            raise invalid_option(f"invalid value '{value}' for parameter '{key.upper()}': TRUE or FALSE")
        return value.upper() == "TRUE"
    if isinstance(current, int):
        return int(value)
    if key in _TEXT_TYPES:
        return value.upper() if key in ("type", "compression", "binary_format", "encoding") else value
    return read_character(value)


def read_character(value: str) -> str:
    """Return the character that an option names: NONE is '', escapes and hex (`0x27`, `\\x27`) are resolved."""
    if value.upper() == "NONE":
        return ""
    if value.lower().startswith(("0x", "\\x")):
        return bytes.fromhex(value[2:]).decode("utf-8")
    return _ESCAPES.get(value, value)
