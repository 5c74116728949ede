{% from "_header.sql" import header with context -%}
{% from "_parts.sql" import reload_file -%}
{{ header(script, "reload", [
    "Loads a file again, or for the first time when no notification came. Replace what stands in angle brackets first; as",
    "it is, nothing matches and the COPY stops with an error that rolls its transaction back.",
    "",
    "A COPY by hand does not know what a pipe has loaded (SP04): so it first deletes what came from that file, in the same",
    "transaction, and a reader sees the old rows or the new ones, never both and never none.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
USE WAREHOUSE {{ settings.warehouse.warehouse | identifier }};
{% for target in names.targets %}
-- FILES is the name below {{ target.prefix }}; "_FILE_NAME" is the whole key.
{{ reload_file(target) }}

-- Files of which no notification came, up to seven days old (SP10). After a pipe was replaced its history is empty:
-- always say MODIFIED_AFTER then.
-- ALTER PIPE {{ target.pipe }} REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';

-- A pipe that was paused for more than 14 days is stale and must be told to go on (SP11).
-- SELECT SYSTEM$PIPE_FORCE_RESUME({{ target.pipe | literal }}, 'staleness_check_override');
{% endfor -%}
