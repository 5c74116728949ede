-- Millrace, events events: 02 of 11, database and schema
--
-- Makes the database, the pipeline's schema, and lets the role build in it.
--
-- Role: SYSADMIN
-- Order: after 01. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/02_database_and_schema.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE SYSADMIN;

CREATE DATABASE IF NOT EXISTS "MILLRACE"
    COMMENT = 'Filled by Millrace from Kafka through S3';

CREATE SCHEMA IF NOT EXISTS "MILLRACE"."EVENTS"
    COMMENT = 'What travellers do in the airport shop';

GRANT USAGE ON DATABASE "MILLRACE" TO ROLE "MILLRACE_ROLE";

GRANT USAGE, CREATE TABLE, CREATE VIEW, CREATE STAGE, CREATE FILE FORMAT, CREATE PIPE
    ON SCHEMA "MILLRACE"."EVENTS" TO ROLE "MILLRACE_ROLE";

GRANT USAGE ON DATABASE "MILLRACE" TO ROLE "MILLRACE_ROLE_LOADER";

GRANT USAGE ON SCHEMA "MILLRACE"."EVENTS" TO ROLE "MILLRACE_ROLE_LOADER";
