{% from "_header.sql" import header with context -%}
{% from "_parts.sql" import create_pipe -%}
{{ header(script, "pipes", [
    "One pipe for each table; S3 tells them of every new file. ON_ERROR = SKIP_FILE is Snowpipe's default, written out:",
    "a file with an error is left out whole and recorded, see 09.",
    "",
    "All pipes share one queue: `notification_channel` of SHOW PIPES below. Tell S3 to send every s3:ObjectCreated:* of",
    names.stage_prefix ~ " to it, not only Put: copies and large files create by other calls (SP13).",
    "`python -m snowflake_integration deploy " ~ contract.name ~ "` does that, and keeps the bucket's other notifications.",
    "",
    "A pipe is never replaced here: a new pipe has forgotten which files the old one loaded (SP03). `deploy` replaces a",
    "pipe only when its COPY has changed, after the old one has loaded all that it knew of.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets %}
{{ create_pipe(target) }}
{% endfor %}
SHOW PIPES IN SCHEMA {{ names.schema }};

-- Files that lay there before the pipes were made, up to seven days old; only while the tables are empty:
{%- for target in names.targets %}
-- ALTER PIPE {{ target.pipe }} REFRESH;
{%- endfor %}
