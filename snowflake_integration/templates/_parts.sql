{% macro json_format(name, comment) -%}
CREATE FILE FORMAT IF NOT EXISTS {{ name }}
    TYPE = JSON
    COMPRESSION = GZIP
    STRIP_OUTER_ARRAY = FALSE
    STRIP_NULL_VALUES = FALSE
    ALLOW_DUPLICATE = FALSE
    ENABLE_OCTAL = FALSE
    NULL_IF = ()
    TRIM_SPACE = FALSE
    REPLACE_INVALID_CHARACTERS = FALSE
    IGNORE_UTF8_ERRORS = FALSE
    COMMENT = {{ comment | literal }};
{%- endmacro %}

{% macro create_pipe(target) -%}
CREATE PIPE IF NOT EXISTS {{ target.pipe }}
    AUTO_INGEST = TRUE
    COMMENT = {{ ("Loads " ~ target.prefix) | literal }}
AS
{{ target | pipe_copy }};
{%- endmacro %}

{% macro reload_file(target) -%}
BEGIN;
DELETE FROM {{ target.table }} WHERE "_FILE_NAME" = {{ (target.prefix ~ "<file>") | literal }};
{{ target | reload_copy("<file>") }};
COMMIT;
{%- endmacro %}
