"""How kafka-python signs in by IAM: it asks for a token."""

from __future__ import annotations

from typing import Any

from kafka.net.sasl.oauth import AbstractTokenProvider

from connections.msk_sign_in import Signer, find_region, open_signer
from connections.settings import KafkaSettings


class SignedTokens(AbstractTokenProvider):  # type: ignore[misc]  # kafka-python has no types
    """Signs a token for each connection."""

    def __init__(self, sign: Signer) -> None:
        super().__init__()
        self._sign = sign

    def token(self) -> str:
        """A token that is valid from now on."""
        return self._sign("")[0]


def configure_signing(settings: KafkaSettings) -> dict[str, Any]:
    """What the client's configuration needs besides to sign in by IAM; nothing where it does not."""
    return {"sasl_oauth_token_provider": SignedTokens(open_signer(find_region(settings)))} if settings.uses_iam else {}
