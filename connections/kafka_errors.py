"""What an error of the Kafka client means to the user, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from connections.broker_certificates import find_expired_certificate
from connections.msk_sign_in import advise_iam
from connections.settings import KafkaSettings
from pipeline_contract.errors import ServiceError

_FORBIDDEN = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
}
_WRONG_USER = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}


class ErrorLog:
    """Remembers what librdkafka reported last, so that a timeout can say why."""

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # its message only repeats the one before it
            self.last = error


@contextmanager
def explain_errors(settings: KafkaSettings, action: str, log: ErrorLog | None = None) -> Iterator[None]:
    """Turn any error of the client inside into a `ServiceError` that names brokers, action, reason and what to do."""
    try:
        yield
    except (KafkaException, TimeoutError) as error:
        found = error.args[0] if error.args and isinstance(error.args[0], KafkaError) else None
        raise ServiceError(describe_error(settings, action, found, log.last if log else None)) from error


def describe_error(settings: KafkaSettings, action: str, error: KafkaError | None, cause: KafkaError | None) -> str:
    """One error as text; `cause` is what the client had reported before it, such as why it could not connect."""
    reason = error.str() if error else "no answer in time"
    detail = f"{reason} ({cause.str()})" if cause and cause.str() != reason else reason
    return f"Kafka at {settings.bootstrap_servers}: cannot {action}: {detail}. {advise(settings, cause or error)}"


def advise(settings: KafkaSettings, error: KafkaError | None) -> str:
    """What to do about an error."""
    known = advise_access(settings, error) if error else None
    return known or "Is the broker up, and are the [kafka] settings right (MILLRACE_KAFKA__BOOTSTRAP_SERVERS)?"


def advise_access(settings: KafkaSettings, error: KafkaError) -> str | None:
    """What to do about an error that says that the client may not in; None for any other."""
    code, text = error.code(), error.str()
    if code in _WRONG_USER:
        if settings.uses_iam:
            return advise_iam(settings)
        return (
            f"The brokers refuse user {settings.sasl_username!r}: are kafka.sasl_mechanism ({settings.sasl_mechanism}), "
            "MILLRACE_KAFKA__SASL_USERNAME and MILLRACE_KAFKA__SASL_PASSWORD theirs?"
        )
    if "ssl.key.location" in text:
        return "Has kafka.ssl_client_location a key and its certificate, and is MILLRACE_KAFKA__SSL_KEY_PASSWORD the key's?"
    # librdkafka reports an alert of the broker as a failure of the connection.
    if code == KafkaError._SSL or "SSL" in text:
        return find_expired_certificate(settings) or (
            "TLS failed: is kafka.ssl_ca_location the authority of the brokers' certificate, is that valid and for this "
            "host, and do the brokers trust the certificate in kafka.ssl_client_location? (docs/kafka-security.md)"
        )
    if code in _FORBIDDEN:
        who = "role's policy does not allow" if settings.uses_iam else "user has no ACL for"
        return f"The {who} that: docs/kafka-security.md lists what each party needs"
    return None
