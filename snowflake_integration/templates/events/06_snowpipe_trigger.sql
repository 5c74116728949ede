{% from "_header.sql" import header with context -%}
{% from "_parts.sql" import create_pipe -%}
{{ header(script, "snowpipe trigger", [
    "The pipe that loads each delivered file as soon as S3 tells of it. ON_ERROR = SKIP_FILE is Snowpipe's default, written",
    "out: a file with an error is left out whole and recorded, see 09.",
    "",
    "Its queue is `notification_channel` of SHOW PIPES below. Tell S3 to send every s3:ObjectCreated:* of",
    names.stage_prefix ~ " to it (SP13): `python -m snowflake_integration deploy " ~ contract.name ~ "` does that, and keeps",
    "the bucket's other notifications.",
    "",
    "The pipe is never replaced here: a new pipe has forgotten which files the old one loaded (SP03).",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets %}
{{ create_pipe(target) }}
{% endfor %}
SHOW PIPES IN SCHEMA {{ names.schema }};
