{% from "_header.sql" import header with context -%}
{{ header(script, "tables", [
    "One table for each output of the stream. Every row says where it came from (source file and line, topic, partition,",
    "offset, batch) and which file loaded it. Times are UTC, in microseconds.",
    "",
    "No column is NOT NULL: the stream has checked the rows, and one refused row would keep its whole file out.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets %}
-- {{ target.output.name }}
{{ target | table }}

COMMENT ON TABLE {{ target.table }} IS {{ target | purpose | literal }};
{% endfor %}
{%- for way, tables in names.ways.items() %}
-- The way {{ way }}: rows that come without files, and which offsets they came from. Both are written in one transaction.
{%- for table in tables %}
{{ table | way_table }}

COMMENT ON TABLE {{ table | place }} IS {{ (table | way_purpose(way)) | literal }};

GRANT SELECT, INSERT{{ ", UPDATE, DELETE" if table.kind == "offsets" else "" }} ON TABLE {{ table | place }} TO ROLE {{ loader_role | identifier }};
{% endfor %}
-- One row for each partition, so that two that begin at once meet in it.
INSERT INTO {{ tables.offsets | place }} ("_TOPIC", "_PARTITION")
SELECT
    "W"."T",
    "W"."P"
FROM (
{%- for topic, partition in partitions %}
    SELECT {{ topic | literal }} AS "T", {{ partition }} AS "P"{{ "" if loop.last else " UNION ALL" }}
{%- endfor %}
) AS "W"
WHERE NOT EXISTS (
    SELECT 1
    FROM {{ tables.offsets | place }} AS "O"
    WHERE "O"."_TOPIC" = "W"."T" AND "O"."_PARTITION" = "W"."P"
);
{% endfor -%}
