{% from "_header.sql" import header with context -%}
{{ header(script, "teardown", [
    "Drops what belongs to this pipeline alone, with all its data. The files in S3 stay. Remove the bucket's notification",
    "first (`python -m snowflake_integration teardown " ~ contract.name ~ "` does both, in this order).",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets %}
DROP PIPE IF EXISTS {{ target.pipe }};
{%- endfor %}
{% for target in names.targets %}
{%- if target.view %}
DROP VIEW IF EXISTS {{ target.view }};
{%- endif %}
{%- if target.output.kind == "rejected" %}
DROP VIEW IF EXISTS {{ (target.output.database, target.output.schema, target.name ~ "_BY_REASON") | qualified }};
{%- endif %}
DROP TABLE IF EXISTS {{ target.table }};
{%- endfor %}

{%- for tables in names.ways.values() %}
{%- for table in tables %}
DROP TABLE IF EXISTS {{ table | place }};
{%- endfor %}
{%- endfor %}

DROP STAGE IF EXISTS {{ names.stage }};
{%- if names.operations_stage %}
DROP STAGE IF EXISTS {{ names.operations_stage }};
{%- endif %}
{%- for file_format in names.file_formats.values() %}
DROP FILE FORMAT IF EXISTS {{ file_format }};
{%- endfor %}

-- Shared with the other pipelines; only with the last of them, as the roles of 01 to 03:
-- DROP SCHEMA {{ names.schema }};
-- DROP DATABASE {{ names.database }};
-- DROP INTEGRATION {{ error_integration | identifier }};
-- DROP INTEGRATION {{ integration | identifier }};
-- DROP WAREHOUSE {{ settings.warehouse.warehouse | identifier }};
-- DROP USER {{ settings.warehouse.user | identifier }};
-- DROP ROLE {{ loader_role | identifier }};
-- DROP ROLE {{ settings.warehouse.role | identifier }};
