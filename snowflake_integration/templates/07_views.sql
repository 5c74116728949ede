{% from "_header.sql" import header with context -%}
{{ header(script, "views", [
    "What people query beside the tables: the newest version of each window of an aggregate, and the rejected rows",
    "counted by reason.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets if target.view %}
-- A window is published again when more of it has been read; "_AS_OF" counts what had been read by then. Of versions of
-- one moment that of a backfill is the newer one: it counts late rows too, and what was judged again.
{% if target | is_session(contract) -%}
-- A session's bounds move with its rows: a version hides every older one of its group that it meets.
CREATE OR REPLACE VIEW {{ target.view }}
    COMMENT = {{ ("The newest version of each window of " ~ target.name) | literal }}
AS
WITH "VERSIONS" AS (
    SELECT
        *,
        DENSE_RANK() OVER (
            ORDER BY
                "_LINEAGE",
                "_AS_OF",
                CASE WHEN "_BATCH_ID" LIKE 'backfill-%' THEN 1 ELSE 0 END,
                "_BATCH_ID"
        ) AS "_VERSION"
    FROM {{ target.table }}
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY {{ target | window_key(contract) | join(", ") }}, "_LINEAGE", "_AS_OF", "_BATCH_ID"
        ORDER BY "_FILE_NAME" DESC, "_FILE_ROW_NUMBER" DESC
    ) = 1
)
SELECT
{%- for column in target.output.columns if column != "_withdrawn" %}
    "OLDER".{{ column | identifier }}{{ "" if loop.last else "," }}
{%- endfor %}
FROM "VERSIONS" AS "OLDER"
LEFT JOIN "VERSIONS" AS "NEWER"
    ON "NEWER"."_VERSION" > "OLDER"."_VERSION"
{%- for group in target | group_key(contract) %}
    AND "NEWER".{{ group }} IS NOT DISTINCT FROM "OLDER".{{ group }}
{%- endfor %}
    AND "NEWER"."WINDOW_START" < "OLDER"."WINDOW_END"
    AND "OLDER"."WINDOW_START" < "NEWER"."WINDOW_END"
WHERE "NEWER"."_VERSION" IS NULL AND NOT "OLDER"."_WITHDRAWN";
{% else -%}
CREATE OR REPLACE VIEW {{ target.view }}
    COMMENT = {{ ("The newest version of each window of " ~ target.name) | literal }}
AS
SELECT
{%- for column in target.output.columns if column != "_withdrawn" %}
    {{ column | identifier }}{{ "" if loop.last else "," }}
{%- endfor %}
FROM {{ target.table }}
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY {{ target | window_key(contract) | join(", ") }}
    ORDER BY
        "_LINEAGE" DESC,
        "_AS_OF" DESC,
        CASE WHEN "_BATCH_ID" LIKE 'backfill-%' THEN 1 ELSE 0 END DESC,
        "_BATCH_ID" DESC,
        "_FILE_NAME" DESC,
        "_FILE_ROW_NUMBER" DESC
) = 1 AND NOT "_WITHDRAWN";
{% endif -%}
{% endfor %}
{%- for target in names.targets if target.output.kind == "rejected" %}
CREATE OR REPLACE VIEW {{ (target.output.database, target.output.schema, target.name ~ "_BY_REASON") | qualified }}
    COMMENT = 'Rejected rows by the stage that rejected them and the first reason'
AS
SELECT
    "STAGE",
    "REASON",
    COUNT(*) AS "REJECTED_ROWS",
    MIN("_SOURCE_LINE") AS "FIRST_SOURCE_LINE",
    MAX("_SOURCE_LINE") AS "LAST_SOURCE_LINE",
    MAX("_LOADED_AT") AS "LAST_LOADED_AT"
FROM {{ target.table }}
GROUP BY "STAGE", "REASON";
{% endfor -%}
