-- Millrace, events events: 03 of 11, storage integration
--
-- Lets Snowflake read the lake's prefix of the bucket, without any key being stored. One integration serves every
-- pipeline of the lake.
--
-- The trust takes two steps, because each account names the other:
--   1. In AWS, make the role millrace-snowflake with the read policy that
--      `python -m snowflake_integration policies events` prints, and any trust policy for now.
--   2. Run this script. DESC INTEGRATION below answers STORAGE_AWS_IAM_USER_ARN and STORAGE_AWS_EXTERNAL_ID.
--   3. Put these two into the role's trust policy: `python -m snowflake_integration trust events` reads them
--      and prints the whole policy.
--   4. Check it with the SELECT at the end. AWS may take a minute, and Snowflake keeps credentials for up to an hour.
--
-- Never recreate the integration: the new one has another external id, which breaks the trust and every stage (SP27).
-- To change it, use ALTER STORAGE INTEGRATION.
--
-- Role: ACCOUNTADMIN
-- Order: after 02. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/03_storage_integration.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE ACCOUNTADMIN;

CREATE STORAGE INTEGRATION IF NOT EXISTS "MILLRACE_LAKE"
    TYPE = EXTERNAL_STAGE
    STORAGE_PROVIDER = 'S3'
    ENABLED = TRUE
    STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/millrace-snowflake'
    STORAGE_ALLOWED_LOCATIONS = ('s3://<bucket>/lake/', 's3://<bucket>/operations/')
    COMMENT = 'Reads the lake of Millrace';

-- An integration from before backfills were there sees `lake/` alone; this changes nothing else of it.
ALTER STORAGE INTEGRATION "MILLRACE_LAKE" SET
    STORAGE_ALLOWED_LOCATIONS = ('s3://<bucket>/lake/', 's3://<bucket>/operations/');

GRANT USAGE ON INTEGRATION "MILLRACE_LAKE" TO ROLE "MILLRACE_ROLE";

DESC INTEGRATION "MILLRACE_LAKE";

-- When the trust policy is in place:
-- SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION('MILLRACE_LAKE', 's3://<bucket>/lake/events/', 'none', 'list');
