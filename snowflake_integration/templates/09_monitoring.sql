{% from "_header.sql" import header with context -%}
{{ header(script, "monitoring", [
    "Questions to ask while data flows. Each stands alone: mark one and run it.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
USE WAREHOUSE {{ settings.warehouse.warehouse | identifier }};
USE SCHEMA {{ names.schema }};

-- Are the pipes running, and how many files wait? (pendingFileCount; the oldest is named when there is one, SP25)
{%- for target in names.targets %}
SELECT {{ target.pipe_name | literal }} AS "PIPE", SYSTEM$PIPE_STATUS({{ target.pipe | literal }}) AS "STATUS";
{%- endfor %}

-- How fresh is each table, and how many rows from how many files does it hold?
{%- for target in names.targets %}
{% if not loop.first %}UNION ALL
{% endif -%}
SELECT
    {{ target.name | literal }} AS "TABLE_NAME",
    COUNT(*) AS "ROWS_LOADED",
    COUNT(DISTINCT "_FILE_NAME") AS "FILES_LOADED",
    MAX("_LOADED_AT") AS "LAST_LOADED_AT"
FROM {{ target.table }}
{%- endfor %}
ORDER BY "TABLE_NAME";

-- What did the pipes do with the files of the last day? (the function reaches back 14 days, SP23)
{%- for target in names.targets %}
{% if not loop.first %}UNION ALL
{% endif -%}
SELECT
    {{ target.name | literal }} AS "TABLE_NAME",
    STATUS,
    COUNT(*) AS "FILES",
    SUM(ROW_COUNT) AS "ROWS_LOADED",
    MAX(LAST_LOAD_TIME) AS "LAST_LOAD_TIME"
FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(
    TABLE_NAME => {{ target.table | literal }},
    START_TIME => DATEADD(DAY, -1, CURRENT_TIMESTAMP())
))
GROUP BY STATUS
{%- endfor %}
ORDER BY "TABLE_NAME", STATUS;

-- Which files were left out, and why?
{%- for target in names.targets %}
{% if not loop.first %}UNION ALL
{% endif -%}
SELECT
    {{ target.name | literal }} AS "TABLE_NAME",
    FILE_NAME,
    STATUS,
    ERROR_COUNT,
    FIRST_ERROR_MESSAGE,
    FIRST_ERROR_LINE_NUMBER,
    FIRST_ERROR_COLUMN_NAME
FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(
    TABLE_NAME => {{ target.table | literal }},
    START_TIME => DATEADD(DAY, -13, CURRENT_TIMESTAMP())
))
WHERE STATUS NOT IN ('Loaded', 'Load in progress')
{%- endfor %}
ORDER BY "TABLE_NAME", FILE_NAME;
{% for target in names.targets if target.output.kind in ("raw", "curated") %}
-- Is any message twice in {{ target.name }}? No row is the right answer.
SELECT
    "_TOPIC_ID",
    "_PARTITION",
    "_OFFSET",
    COUNT(*) AS "COPIES",
    MIN("_FILE_NAME") AS "FIRST_FILE",
    MAX("_FILE_NAME") AS "LAST_FILE"
FROM {{ target.table }}
GROUP BY "_TOPIC_ID", "_PARTITION", "_OFFSET"
HAVING COUNT(*) > 1
ORDER BY "_TOPIC_ID", "_PARTITION", "_OFFSET"
LIMIT 100;
{% endfor %}
{%- for target in names.targets if target.output.kind == "staged" %}
-- How often was an event delivered more than once? Firehose delivers at least once, and {{ target.view }} shows each once.
SELECT "COPIES", COUNT(*) AS "EVENTS"
FROM (SELECT "EVENT_ID", COUNT(*) AS "COPIES" FROM {{ target.table }} GROUP BY "EVENT_ID") AS "DELIVERED"
GROUP BY "COPIES"
ORDER BY "COPIES";
{% endfor %}
-- What do the pipes cost? Up to two hours late, and for ACCOUNTADMIN unless granted otherwise.
SELECT
    PIPE_NAME,
    DATE_TRUNC('DAY', START_TIME) AS "DAY",
    SUM(CREDITS_USED) AS "CREDITS",
    SUM(FILES_INSERTED) AS "FILES",
    SUM(BYTES_INSERTED) AS "BYTES"
FROM SNOWFLAKE.ACCOUNT_USAGE.PIPE_USAGE_HISTORY
WHERE START_TIME > DATEADD(DAY, -7, CURRENT_TIMESTAMP())
GROUP BY PIPE_NAME, DATE_TRUNC('DAY', START_TIME)
ORDER BY "DAY", PIPE_NAME;
