-- Millrace, events events: 11 of 11, teardown
--
-- Drops what belongs to this pipeline alone, with all its data. The files in S3 stay. Remove the bucket's notification
-- first (`python -m snowflake_integration teardown events` does both, in this order).
--
-- Role: MILLRACE_ROLE
-- Order: any time after 07; this script is no part of a deployment.
-- Rendered from conf/events/events.toml and templates/11_teardown.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

DROP PIPE IF EXISTS "MILLRACE"."EVENTS"."EVENTS_STAGING_PIPE";

DROP VIEW IF EXISTS "MILLRACE"."EVENTS"."EVENTS";
DROP TABLE IF EXISTS "MILLRACE"."EVENTS"."EVENTS_STAGING";

DROP STAGE IF EXISTS "MILLRACE"."EVENTS"."EVENTS_LAKE";
DROP FILE FORMAT IF EXISTS "MILLRACE"."EVENTS"."EVENTS_JSON";

-- Shared with the other pipelines; only with the last of them, as the roles of 01 to 03:
-- DROP SCHEMA "MILLRACE"."EVENTS";
-- DROP DATABASE "MILLRACE";
-- DROP INTEGRATION "MILLRACE_PIPE_ERRORS";
-- DROP INTEGRATION "MILLRACE_LAKE";
-- DROP WAREHOUSE "MILLRACE_WH";
-- DROP USER "MILLRACE_LOADER";
-- DROP ROLE "MILLRACE_ROLE_LOADER";
-- DROP ROLE "MILLRACE_ROLE";
