{% from "_header.sql" import header with context -%}
{{ header(script, "error notifications (optional)", [
    "Snowflake tells an SNS topic of every file that a pipe could not load. Optional: `deploy` runs it only with",
    "--error-notifications, and the tables are filled without it.",
    "",
    "Before: make a standard (not FIFO) SNS topic " ~ error_topic_arn ~ " and the role",
    error_role_arn ~ " that may publish to it.",
    "Then, as with the storage integration: DESC below answers SF_AWS_IAM_USER_ARN and SF_AWS_EXTERNAL_ID, which go into",
    "that role's trust policy. Messages come at least once (tell them apart by messageId), and none comes for a pipe that",
    "is stopped, nor for a file of which S3 never told (SP22).",
], "ACCOUNTADMIN for the integration, then " ~ settings.warehouse.role | upper) }}

USE ROLE ACCOUNTADMIN;

CREATE NOTIFICATION INTEGRATION IF NOT EXISTS {{ error_integration | identifier }}
    ENABLED = TRUE
    TYPE = QUEUE
    DIRECTION = OUTBOUND
    NOTIFICATION_PROVIDER = AWS_SNS
    AWS_SNS_TOPIC_ARN = {{ error_topic_arn | literal }}
    AWS_SNS_ROLE_ARN = {{ error_role_arn | literal }};

GRANT USAGE ON INTEGRATION {{ error_integration | identifier }} TO ROLE {{ settings.warehouse.role | identifier }};

DESC INTEGRATION {{ error_integration | identifier }};

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets %}
ALTER PIPE {{ target.pipe }} SET ERROR_INTEGRATION = {{ error_integration | identifier }};
{% endfor -%}
