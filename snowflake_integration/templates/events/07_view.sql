{% from "_header.sql" import header with context -%}
{{ header(script, "view", [
    "What people query: each event once, with the payload's fields that the contract names as columns. Of an event that was",
    "delivered more than once the first one taken is shown.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% for target in names.targets %}
CREATE OR REPLACE VIEW {{ target.view }}
    COMMENT = {{ (contract.description | default(contract.name, true)) | literal }}
AS
SELECT
    "EVENT_ID",
    "TYPE",
    "OCCURRED_AT",
    "SOURCE",
{%- for field in contract.view_fields.values() %}
    {{ field | payload_value(contract) }} AS {{ field.name | identifier }},
{%- endfor %}
    "PAYLOAD",
    "_RECEIVED_AT",
    "_REQUEST_ID",
    "_EVENT_INDEX",
    "_SCHEMA_VERSION"
FROM {{ target.table }}
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY "EVENT_ID"
    ORDER BY "_RECEIVED_AT", "_REQUEST_ID", "_EVENT_INDEX", "_FILE_NAME", "_FILE_ROW_NUMBER"
) = 1;
{% endfor -%}
