-- Millrace, events events: 07 of 11, view
--
-- What people query: each event once, with the payload's fields that the contract names as columns. Of an event that was
-- delivered more than once the first one taken is shown.
--
-- Role: MILLRACE_ROLE
-- Order: after 06. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/events/07_view.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

CREATE OR REPLACE VIEW "MILLRACE"."EVENTS"."EVENTS"
    COMMENT = 'What travellers do in the airport shop'
AS
SELECT
    "EVENT_ID",
    "TYPE",
    "OCCURRED_AT",
    "SOURCE",
    CASE WHEN "TYPE" IN ('product_viewed') THEN "PAYLOAD"['product']['id']::VARCHAR END AS "PRODUCT_ID",
    CASE WHEN "TYPE" IN ('product_viewed', 'flight_boarded') THEN "PAYLOAD"['place']['gate']::VARCHAR END AS "GATE",
    CASE WHEN "TYPE" IN ('order_placed') THEN "PAYLOAD"['order']['id']::VARCHAR END AS "ORDER_ID",
    CASE WHEN "TYPE" IN ('order_placed') THEN "PAYLOAD"['order']['amount']::NUMBER(12,2) END AS "AMOUNT",
    CASE WHEN "TYPE" IN ('order_placed') THEN "PAYLOAD"['order']['currency']::VARCHAR END AS "CURRENCY",
    CASE WHEN "TYPE" IN ('order_placed') THEN "PAYLOAD"['order']['items']::NUMBER(10,0) END AS "ITEMS",
    CASE WHEN "TYPE" IN ('order_placed') THEN "PAYLOAD"['order']['is_gift']::BOOLEAN END AS "IS_GIFT",
    CASE WHEN "TYPE" IN ('flight_boarded') THEN "PAYLOAD"['flight']['carrier']::VARCHAR END AS "CARRIER",
    CASE WHEN "TYPE" IN ('flight_boarded') THEN "PAYLOAD"['flight']['number']::NUMBER(10,0) END AS "FLIGHT",
    CASE WHEN "TYPE" IN ('flight_boarded') THEN "PAYLOAD"['flight']['date']::DATE END AS "FLIGHT_DATE",
    "PAYLOAD",
    "_RECEIVED_AT",
    "_REQUEST_ID",
    "_EVENT_INDEX",
    "_SCHEMA_VERSION"
FROM "MILLRACE"."EVENTS"."EVENTS_STAGING"
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY "EVENT_ID"
    ORDER BY "_RECEIVED_AT", "_REQUEST_ID", "_EVENT_INDEX", "_FILE_NAME", "_FILE_ROW_NUMBER"
) = 1;
