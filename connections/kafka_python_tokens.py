"""Tokens as kafka-python asks for them."""

from __future__ import annotations

from kafka.net.sasl.oauth import AbstractTokenProvider

from connections.msk_sign_in import Signer


class SignedTokens(AbstractTokenProvider):
    """Signs a token for each connection."""

    def __init__(self, sign: Signer) -> None:
        super().__init__()
        self._sign = sign

    def token(self) -> str:
        """A token that is valid from now on."""
        return self._sign("")[0]
