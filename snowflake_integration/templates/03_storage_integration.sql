{% from "_header.sql" import header with context -%}
{{ header(script, "storage integration", [
    "Lets Snowflake read the lake's prefix of the bucket, without any key being stored. One integration serves every",
    "pipeline of the lake.",
    "",
    "The trust takes two steps, because each account names the other:",
    "  1. In AWS, make the role " ~ settings.aws.snowflake_role ~ " with the read policy that",
    "     `python -m snowflake_integration policies " ~ contract.name ~ "` prints, and any trust policy for now.",
    "  2. Run this script. DESC INTEGRATION below answers STORAGE_AWS_IAM_USER_ARN and STORAGE_AWS_EXTERNAL_ID.",
    "  3. Put these two into the role's trust policy: `python -m snowflake_integration trust " ~ contract.name ~ "` reads them",
    "     and prints the whole policy.",
    "  4. Check it with the SELECT at the end. AWS may take a minute, and Snowflake keeps credentials for up to an hour.",
    "",
    "Never recreate the integration: the new one has another external id, which breaks the trust and every stage (SP27).",
    "To change it, use ALTER STORAGE INTEGRATION.",
], "ACCOUNTADMIN") }}

USE ROLE ACCOUNTADMIN;

CREATE STORAGE INTEGRATION IF NOT EXISTS {{ integration | identifier }}
    TYPE = EXTERNAL_STAGE
    STORAGE_PROVIDER = 'S3'
    ENABLED = TRUE
    STORAGE_AWS_ROLE_ARN = {{ snowflake_role_arn | literal }}
    STORAGE_ALLOWED_LOCATIONS = ({{ names.lake_url | literal }}, {{ names.operations_root_url | literal }})
    COMMENT = 'Reads the lake of Millrace';

-- An integration from before backfills were there sees `lake/` alone; this changes nothing else of it.
ALTER STORAGE INTEGRATION {{ integration | identifier }} SET
    STORAGE_ALLOWED_LOCATIONS = ({{ names.lake_url | literal }}, {{ names.operations_root_url | literal }});

GRANT USAGE ON INTEGRATION {{ integration | identifier }} TO ROLE {{ settings.warehouse.role | identifier }};

DESC INTEGRATION {{ integration | identifier }};

-- When the trust policy is in place:
-- SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION({{ integration | literal }}, {{ names.stage_url | literal }}, 'none', 'list');
