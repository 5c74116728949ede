-- Millrace, events events: 08 of 11, error notifications (optional)
--
-- Snowflake tells an SNS topic of every file that a pipe could not load. Optional: `deploy` runs it only with
-- --error-notifications, and the tables are filled without it.
--
-- Before: make a standard (not FIFO) SNS topic arn:aws:sns:us-east-1:123456789012:millrace-pipe-errors and the role
-- arn:aws:iam::123456789012:role/millrace-pipe-errors that may publish to it.
-- Then, as with the storage integration: DESC below answers SF_AWS_IAM_USER_ARN and SF_AWS_EXTERNAL_ID, which go into
-- that role's trust policy. Messages come at least once (tell them apart by messageId), and none comes for a pipe that
-- is stopped, nor for a file of which S3 never told (SP22).
--
-- Role: ACCOUNTADMIN for the integration, then MILLRACE_ROLE
-- Order: after 07. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/08_error_notifications.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE ACCOUNTADMIN;

CREATE NOTIFICATION INTEGRATION IF NOT EXISTS "MILLRACE_PIPE_ERRORS"
    ENABLED = TRUE
    TYPE = QUEUE
    DIRECTION = OUTBOUND
    NOTIFICATION_PROVIDER = AWS_SNS
    AWS_SNS_TOPIC_ARN = 'arn:aws:sns:us-east-1:123456789012:millrace-pipe-errors'
    AWS_SNS_ROLE_ARN = 'arn:aws:iam::123456789012:role/millrace-pipe-errors';

GRANT USAGE ON INTEGRATION "MILLRACE_PIPE_ERRORS" TO ROLE "MILLRACE_ROLE";

DESC INTEGRATION "MILLRACE_PIPE_ERRORS";

USE ROLE "MILLRACE_ROLE";

ALTER PIPE "MILLRACE"."EVENTS"."EVENTS_STAGING_PIPE" SET ERROR_INTEGRATION = "MILLRACE_PIPE_ERRORS";
