{% from "_header.sql" import header with context -%}
{{ header(script, "staging table", [
    "One table for every record that Firehose has delivered: what each event says of itself, its payload as it came, the",
    "request that brought it, and the file that loaded it. Times are UTC, in microseconds.",
    "",
    "Firehose delivers at least once, and a sender may post again: the table keeps what came, the view shows each event once.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets %}
{{ target | table }}

COMMENT ON TABLE {{ target.table }} IS {{ target | purpose | literal }};
{% endfor -%}
