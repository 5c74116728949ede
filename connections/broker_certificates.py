"""The certificates that brokers show: Kafka's clients say that one cannot be verified, and not that it has expired."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

from connections.settings import KafkaSettings


def find_expired_certificate(settings: KafkaSettings) -> str | None:
    """Says which of the brokers shows a certificate that has expired, and since when; None if none of them does.

    It asks each broker for its certificate, without a password or a certificate of the client's.
    """
    if "SSL" not in settings.security_protocol:
        return None
    for address in settings.bootstrap_servers.split(","):
        end = _read_end(address.strip(), settings.timeout_s)
        if end is not None and end < datetime.now(UTC):
            since = f"{end:%Y-%m-%d %H:%M} UTC"
            return (
                f"The certificate of the broker at {address.strip()} has expired, on {since}: it is to be renewed there"
            )
    return None


def _read_end(address: str, timeout_s: float) -> datetime | None:
    """When the certificate that is shown at an address ends; None where nothing is shown."""
    # The Snowflake connector brings it, and only a failure of TLS needs it here.
    from cryptography import x509  # noqa: PLC0415

    host, _, port = address.rpartition(":")
    try:
        pem = ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=timeout_s)
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except (OSError, ValueError):
        return None
