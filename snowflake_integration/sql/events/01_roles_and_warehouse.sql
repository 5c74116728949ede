-- Millrace, events events: 01 of 11, roles and warehouse
--
-- Makes the role that owns everything of Millrace, the user that loads and queries with it, and a small
-- warehouse. Pipes need no warehouse; queries and backfills do.
--
-- Role: SECURITYADMIN for the role and the user, SYSADMIN for the warehouse
-- Order: first. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/01_roles_and_warehouse.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE SECURITYADMIN;

CREATE ROLE IF NOT EXISTS "MILLRACE_ROLE"
    COMMENT = 'Owns the tables, stages and pipes of Millrace';

-- So that an administrator sees what the role owns.
GRANT ROLE "MILLRACE_ROLE" TO ROLE SYSADMIN;

CREATE ROLE IF NOT EXISTS "MILLRACE_ROLE_LOADER"
    COMMENT = 'Adds rows to the tables of the ways without files';

GRANT ROLE "MILLRACE_ROLE_LOADER" TO ROLE "MILLRACE_ROLE";

CREATE USER IF NOT EXISTS "MILLRACE_LOADER"
    TYPE = SERVICE
    DEFAULT_ROLE = "MILLRACE_ROLE"
    DEFAULT_WAREHOUSE = "MILLRACE_WH"
    COMMENT = 'Signs in with a key pair';

GRANT ROLE "MILLRACE_ROLE_LOADER" TO USER "MILLRACE_LOADER";

GRANT ROLE "MILLRACE_ROLE" TO USER "MILLRACE_LOADER";

-- A service user has no password. Give it the public half of the key pair (docs/snowflake.md, step 1):
-- ALTER USER "MILLRACE_LOADER" SET RSA_PUBLIC_KEY = '<public key>';

USE ROLE SYSADMIN;

CREATE WAREHOUSE IF NOT EXISTS "MILLRACE_WH"
    WAREHOUSE_SIZE = XSMALL
    AUTO_SUSPEND = 60
    AUTO_RESUME = TRUE
    INITIALLY_SUSPENDED = TRUE
    COMMENT = 'Queries and backfills of Millrace';

GRANT USAGE ON WAREHOUSE "MILLRACE_WH" TO ROLE "MILLRACE_ROLE_LOADER";

GRANT USAGE, OPERATE ON WAREHOUSE "MILLRACE_WH" TO ROLE "MILLRACE_ROLE";
