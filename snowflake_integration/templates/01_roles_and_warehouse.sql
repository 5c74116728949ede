{% from "_header.sql" import header with context -%}
{{ header(script, "roles and warehouse", [
    "Makes the role that owns everything of Millrace, the user that loads and queries with it, and a small",
    "warehouse. Pipes need no warehouse; queries and backfills do.",
], "SECURITYADMIN for the role and the user, SYSADMIN for the warehouse") }}

USE ROLE SECURITYADMIN;

CREATE ROLE IF NOT EXISTS {{ settings.warehouse.role | identifier }}
    COMMENT = 'Owns the tables, stages and pipes of Millrace';

-- So that an administrator sees what the role owns.
GRANT ROLE {{ settings.warehouse.role | identifier }} TO ROLE SYSADMIN;

CREATE ROLE IF NOT EXISTS {{ loader_role | identifier }}
    COMMENT = 'Adds rows to the tables of the ways without files';

GRANT ROLE {{ loader_role | identifier }} TO ROLE {{ settings.warehouse.role | identifier }};

CREATE USER IF NOT EXISTS {{ settings.warehouse.user | identifier }}
    TYPE = SERVICE
    DEFAULT_ROLE = {{ settings.warehouse.role | identifier }}
    DEFAULT_WAREHOUSE = {{ settings.warehouse.warehouse | identifier }}
    COMMENT = 'Signs in with a key pair';

GRANT ROLE {{ loader_role | identifier }} TO USER {{ settings.warehouse.user | identifier }};

GRANT ROLE {{ settings.warehouse.role | identifier }} TO USER {{ settings.warehouse.user | identifier }};

-- A service user has no password. Give it the public half of the key pair (docs/snowflake.md, step 1):
-- ALTER USER {{ settings.warehouse.user | identifier }} SET RSA_PUBLIC_KEY = '<public key>';

USE ROLE SYSADMIN;

CREATE WAREHOUSE IF NOT EXISTS {{ settings.warehouse.warehouse | identifier }}
    WAREHOUSE_SIZE = XSMALL
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE
    COMMENT = 'Queries and backfills of Millrace';

GRANT USAGE ON WAREHOUSE {{ settings.warehouse.warehouse | identifier }} TO ROLE {{ loader_role | identifier }};

GRANT USAGE, OPERATE ON WAREHOUSE {{ settings.warehouse.warehouse | identifier }} TO ROLE {{ settings.warehouse.role | identifier }};
