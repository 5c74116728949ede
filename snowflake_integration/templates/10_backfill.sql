{% from "_header.sql" import header with context -%}
{% from "_parts.sql" import reload_file -%}
{{ header(script, "backfill", [
    "Loads files again, or for the first time when no notification came. Replace what stands in angle brackets first; as",
    "it is, nothing matches and every COPY stops with an error that rolls its transaction back.",
    "",
    "A COPY by hand does not know what a pipe has loaded (SP04): so each one here first deletes what came from that file,",
    "in the same transaction, and a reader sees the old rows or the new ones, never both and never none.",
    "A file whose content changed under its name is never loaded by a pipe again (SP05): that, too, is the first case.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
USE WAREHOUSE {{ settings.warehouse.warehouse | identifier }};
{% for target in names.targets %}
-- {{ target.name }}, one file again. FILES is the name below {{ target.prefix }}; "_FILE_NAME" is the whole key.
{{ reload_file(target) }}
{% endfor %}
-- A range of event time that was judged again: `python -m snowflake_integration apply-backfill {{ contract.name }}` waits for
-- the pipes, and carries out for each backfill of the ledger what follows here; --dry-run prints it with its names and
-- numbers. The new files lie where no pipe looks, so that none loads them too. Rows from the snapshot on stay.
BEGIN;
{%- for target in names.targets if target.output.kind == "curated" %}
DELETE FROM {{ target.table }}
WHERE "_EVENT_TIME" >= '<2013-01-01>'::TIMESTAMP_NTZ(6) AND "_EVENT_TIME" < '<2013-02-01>'::TIMESTAMP_NTZ(6)
    AND (("_TOPIC_ID" = '<topic id>' AND "_PARTITION" = -1 AND "_OFFSET" < -1));
{%- endfor %}
{%- for target in names.targets if target.output.kind != "raw" %}
{{ target | replacing_copy(names, "<attempt>/<file>") }};
{%- endfor %}
COMMIT;

-- Files of which no notification came, up to seven days old. REFRESH leaves out what the pipe has in its history, and
-- what failed (SP10). After a pipe was replaced its history is empty: always say MODIFIED_AFTER then.
{%- for target in names.targets %}
-- ALTER PIPE {{ target.pipe }} REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';
{%- endfor %}

-- A pipe that was paused for more than 14 days is stale and must be told to go on (SP11).
{%- for target in names.targets %}
-- SELECT SYSTEM$PIPE_FORCE_RESUME({{ target.pipe | literal }}, 'staleness_check_override');
{%- endfor %}
