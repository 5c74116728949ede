-- Millrace, pipeline flights: 11 of 11, teardown
--
-- Drops what belongs to this pipeline alone, with all its data. The files in S3 stay. Remove the bucket's notification
-- first (`python -m snowflake_integration teardown flights` does both, in this order).
--
-- Role: MILLRACE_ROLE
-- Order: any time after 07; this script is no part of a deployment.
-- Rendered from conf/pipelines/flights.toml and templates/11_teardown.sql by
-- `python -m snowflake_integration render flights --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

DROP PIPE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_RAW_PIPE";
DROP PIPE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_PIPE";
DROP PIPE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED_PIPE";
DROP PIPE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS_PIPE";

DROP TABLE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_RAW";
DROP TABLE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS";
DROP VIEW IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED_BY_REASON";
DROP TABLE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED";
DROP VIEW IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES";
DROP TABLE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS";

DROP STAGE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_LAKE";
DROP STAGE IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_OPERATIONS";
DROP FILE FORMAT IF EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET";

-- Shared with the other pipelines; only with the last of them, as the roles of 01 to 03:
-- DROP SCHEMA "MILLRACE"."FLIGHTS";
-- DROP DATABASE "MILLRACE";
-- DROP INTEGRATION "MILLRACE_PIPE_ERRORS";
-- DROP INTEGRATION "MILLRACE_LAKE";
-- DROP WAREHOUSE "MILLRACE_WH";
-- DROP USER "MILLRACE_LOADER";
-- DROP ROLE "MILLRACE_ROLE";
