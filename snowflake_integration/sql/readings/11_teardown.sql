-- Millrace, pipeline readings: 11 of 11, teardown
--
-- Drops what belongs to this pipeline alone, with all its data. The files in S3 stay. Remove the bucket's notification
-- first (`python -m snowflake_integration teardown readings` does both, in this order).
--
-- Role: MILLRACE_ROLE
-- Order: any time after 07; this script is no part of a deployment.
-- Rendered from conf/pipelines/readings.toml and templates/11_teardown.sql by
-- `python -m snowflake_integration render readings --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

DROP PIPE IF EXISTS "MILLRACE"."READINGS"."MY_TABLE_RAW_PIPE";
DROP PIPE IF EXISTS "MILLRACE"."READINGS"."MY_TABLE_PIPE";
DROP PIPE IF EXISTS "MILLRACE"."READINGS"."MY_TABLE_REJECTED_PIPE";

DROP TABLE IF EXISTS "MILLRACE"."READINGS"."MY_TABLE_RAW";
DROP TABLE IF EXISTS "MILLRACE"."READINGS"."MY_TABLE";
DROP VIEW IF EXISTS "MILLRACE"."READINGS"."MY_TABLE_REJECTED_BY_REASON";
DROP TABLE IF EXISTS "MILLRACE"."READINGS"."MY_TABLE_REJECTED";

DROP STAGE IF EXISTS "MILLRACE"."READINGS"."READINGS_LAKE";
DROP STAGE IF EXISTS "MILLRACE"."READINGS"."READINGS_OPERATIONS";
DROP FILE FORMAT IF EXISTS "MILLRACE"."READINGS"."READINGS_PARQUET";
DROP FILE FORMAT IF EXISTS "MILLRACE"."READINGS"."READINGS_CSV";

-- Shared with the other pipelines; only with the last of them, as the roles of 01 to 03:
-- DROP SCHEMA "MILLRACE"."READINGS";
-- DROP DATABASE "MILLRACE";
-- DROP INTEGRATION "MILLRACE_PIPE_ERRORS";
-- DROP INTEGRATION "MILLRACE_LAKE";
-- DROP WAREHOUSE "MILLRACE_WH";
-- DROP USER "MILLRACE_LOADER";
-- DROP ROLE "MILLRACE_ROLE";
