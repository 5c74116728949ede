{% from "_header.sql" import header with context -%}
{{ header(script, "database and schema", [
    "Makes the database, the pipeline's schema, and lets the role build in it.",
], "SYSADMIN") }}

USE ROLE SYSADMIN;

CREATE DATABASE IF NOT EXISTS {{ names.database }}
    COMMENT = 'Filled by Millrace from Kafka through S3';

CREATE SCHEMA IF NOT EXISTS {{ names.schema }}
    COMMENT = {{ contract.description | default(contract.name, true) | literal }};

GRANT USAGE ON DATABASE {{ names.database }} TO ROLE {{ settings.warehouse.role | identifier }};

GRANT USAGE, CREATE TABLE, CREATE VIEW, CREATE STAGE, CREATE FILE FORMAT, CREATE PIPE
    ON SCHEMA {{ names.schema }} TO ROLE {{ settings.warehouse.role | identifier }};

GRANT USAGE ON DATABASE {{ names.database }} TO ROLE {{ loader_role | identifier }};

GRANT USAGE ON SCHEMA {{ names.schema }} TO ROLE {{ loader_role | identifier }};
