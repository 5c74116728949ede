{% macro header(script, title, what, role) -%}
-- Millrace, {{ "events" if folder.name == "events" else "pipeline" }} {{ contract.name }}: {{ script.number }} of {{ scripts | length }}, {{ title }}
--
{% for line in what -%}
{{ ("-- " ~ line).rstrip() }}
{% endfor -%}
--
-- Role: {{ role }}
{% if script.is_deployed -%}
-- Order: {{ "first" if script.number == "01" else "after %02d" % (script.number | int - 1) }}. Running it again changes nothing that is there.
{% else -%}
-- Order: any time after 07; this script is no part of a deployment.
{% endif -%}
-- Rendered from conf/{{ folder }}/{{ contract.name }}.toml and templates/{{ script.template }} by
-- `python -m snowflake_integration render {{ contract.name }} --env {{ settings.environment }}`: change those, not this file.
{%- endmacro %}
