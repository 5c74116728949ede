-- Millrace, pipeline flights: 02 of 11, database and schema
--
-- Makes the database, the pipeline's schema, and lets the role build in it.
--
-- Role: SYSADMIN
-- Order: after 01. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/flights.toml and templates/02_database_and_schema.sql by
-- `python -m snowflake_integration render flights --env aws`: change those, not this file.

USE ROLE SYSADMIN;

CREATE DATABASE IF NOT EXISTS "MILLRACE"
    COMMENT = 'Filled by Millrace from Kafka through S3';

CREATE SCHEMA IF NOT EXISTS "MILLRACE"."FLIGHTS"
    COMMENT = 'Departures from New York City''s airports in 2013';

GRANT USAGE ON DATABASE "MILLRACE" TO ROLE "MILLRACE_ROLE";

GRANT USAGE, CREATE TABLE, CREATE VIEW, CREATE STAGE, CREATE FILE FORMAT, CREATE PIPE
    ON SCHEMA "MILLRACE"."FLIGHTS" TO ROLE "MILLRACE_ROLE";

GRANT USAGE ON DATABASE "MILLRACE" TO ROLE "MILLRACE_ROLE_LOADER";

GRANT USAGE ON SCHEMA "MILLRACE"."FLIGHTS" TO ROLE "MILLRACE_ROLE_LOADER";
