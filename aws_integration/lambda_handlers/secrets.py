"""The function's secrets: one JSON object in Secrets Manager, read when they are first needed and kept for some minutes.

Its fields are those that Amazon Data Firehose reads for Snowflake, so that one secret serves both, and one of ours:
docs.aws.amazon.com/firehose/latest/dev/secrets-manager-whats-secret.html
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.parameters import get_secret
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError, TransformParameterError

from connections.settings import Settings
from pipeline_contract.errors import ConfigurationError, ServiceError

MAX_AGE_S = 300
# Field of the secret → section and key of the settings.
FIELDS = {
    "private_key": ("warehouse", "private_key"),
    "key_passphrase": ("warehouse", "private_key_passphrase"),
    "protect_key": ("spark", "protect_key"),
    "raw_key": ("spark", "raw_key"),
}


def add_secrets(settings: Settings) -> Settings:
    """The settings with what the secret that they name holds; as they are where they name none.

    Raise `ServiceError` (Secrets Manager), or `ConfigurationError` where the secret is no JSON object of known fields;
    neither shows anything of it.
    """
    name = settings.function.secret
    if name is None:
        return settings
    try:
        found: Any = get_secret(name, transform="json", max_age=MAX_AGE_S)
    except TransformParameterError:
        found = None
    except GetParameterError as error:
        raise ServiceError(f"Secrets Manager: cannot read {name!r} (function.secret): {error}") from None
    if not isinstance(found, dict) or not found.keys() & FIELDS.keys():
        raise ConfigurationError(f"the secret {name!r} is no JSON object with any of {', '.join(FIELDS)}")
    changed: dict[str, dict[str, Any]] = {}
    for field, (section, key) in FIELDS.items():
        if field in found:
            changed.setdefault(section, {})[key] = str(found[field])
    return settings.model_copy(
        update={
            section: type(part).model_validate(part.model_dump() | changes)
            for section, changes in changed.items()
            for part in [getattr(settings, section)]
        }
    )
