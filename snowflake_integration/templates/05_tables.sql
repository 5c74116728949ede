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
{% endfor -%}
