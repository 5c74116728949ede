-- Millrace, pipeline readings: 07 of 11, views
--
-- What people query beside the tables: the newest version of each window of an aggregate, and the rejected rows
-- counted by reason.
--
-- Role: MILLRACE_ROLE
-- Order: after 06. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/readings.toml and templates/07_views.sql by
-- `python -m snowflake_integration render readings --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

CREATE OR REPLACE VIEW "MILLRACE"."READINGS"."MY_TABLE_REJECTED_BY_REASON"
    COMMENT = 'Rejected rows by the stage that rejected them and the first reason'
AS
SELECT
    "STAGE",
    "REASON",
    COUNT(*) AS "REJECTED_ROWS",
    MIN("_SOURCE_LINE") AS "FIRST_SOURCE_LINE",
    MAX("_SOURCE_LINE") AS "LAST_SOURCE_LINE",
    MAX("_LOADED_AT") AS "LAST_LOADED_AT"
FROM "MILLRACE"."READINGS"."MY_TABLE_REJECTED"
GROUP BY "STAGE", "REASON";
