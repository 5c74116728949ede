"""The secrets that the Spark job is given by its environment. Pure."""

from __future__ import annotations

from connections.settings import Settings
from pipeline_contract.model import Contract
from pipeline_contract.protection import needs_key
from pipeline_contract.raw_encryption import KEY_VARIABLE


def list_job_secrets(settings: Settings, contract: Contract) -> tuple[str, ...]:
    """The environment variables with a secret that the driver needs for a contract."""
    needed = {
        "MILLRACE_KAFKA__SASL_PASSWORD": settings.kafka.sasl_mechanism is not None and not settings.kafka.uses_iam,
        "MILLRACE_KAFKA__SSL_KEY_PASSWORD": settings.kafka.ssl_key_password is not None,
        "MILLRACE_KAFKA__SCHEMA_REGISTRY_PASSWORD": settings.kafka.schema_registry_username is not None,
        "MILLRACE_SPARK__PROTECT_KEY": needs_key(contract),
        KEY_VARIABLE: contract.raw.zone == "encrypted",
    }
    return tuple(name for name, is_needed in needed.items() if is_needed)
