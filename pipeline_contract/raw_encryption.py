"""Messages as an encrypted raw zone and its rejected rows hold them: AES-256-GCM, each bound to its place. Pure.

An encrypted value is `MARK`, the key's id (8 bytes), the nonce (12), the ciphertext and its tag (16). The place, as
`<topic id>/<partition>/<offset>/<column>`, is authenticated with it, so that no value passes for that of another row. The
nonce comes from place and message (RFC 2104 with a key of its own): two computations of a row give the same bytes, and two
different messages never share a nonce but by the chance that random ones would have. The Spark job writes the same bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import NamedTuple

from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract

KEY_VARIABLE = "MILLRACE_SPARK__RAW_KEY"
MARK = b"\x93MR\x01"
NONCE_BYTES = 12
_ID_BYTES = 8
HEADER_BYTES = len(MARK) + _ID_BYTES
# What a tool prints that is asked for a key: 32 bytes in base64 have 44 characters, in hexadecimal 64.
_LEAST_CHARACTERS = 32


class RawKeys(NamedTuple):
    """What is derived from the one key of the settings: the cipher's key, the nonces' key, and an id that gives nothing away."""

    cipher: bytes
    nonce: bytes
    id: bytes

    def __repr__(self) -> str:
        """The id alone: keys come into messages by way of tracebacks."""
        return f"RawKeys(id={self.id.hex()})"

    @property
    def header(self) -> bytes:
        """How every value begins that is encrypted with these keys."""
        return MARK + self.id


class Place(NamedTuple):
    """Which message a value is of."""

    topic_id: str
    partition: int
    offset: int


def require_keys(contract: Contract, key: str | None) -> RawKeys | None:
    """The keys of a contract whose raw zone is encrypted, None for any other; `ConfigurationError` without a good key."""
    if contract.raw.zone != "encrypted":
        return None
    if not key:
        raise ConfigurationError(
            f'{contract.name}: the contract has zone = "encrypted" in its section [raw]; set the key in the environment '
            f"variable {KEY_VARIABLE} (`openssl rand -hex 32` makes one)"
        )
    return derive_keys(key)


def derive_keys(key: str) -> RawKeys:
    """The keys that a text stands for; `ConfigurationError` where it is too short to be a key."""
    if len(key) < _LEAST_CHARACTERS:
        raise ConfigurationError(
            f"{KEY_VARIABLE}: is shorter than {_LEAST_CHARACTERS} characters and could be guessed; allowed: the output of "
            "`openssl rand -hex 32`"
        )
    derived = (_sign(key.encode(), f"millrace raw {use}".encode()) for use in ("cipher", "nonce", "id"))
    cipher, nonce, key_id = derived
    return RawKeys(cipher, nonce, key_id[:_ID_BYTES])


def encrypt_value(keys: RawKeys, place: Place, column: str, value: bytes) -> bytes:
    """The value as it is stored; the same for the same value, place and key."""
    # The Snowflake connector brings it; a process without an encrypted raw zone need not load it.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    bound = describe_place(place, column)
    nonce = _sign(keys.nonce, bound + b"\0" + value)[:NONCE_BYTES]
    return keys.header + nonce + AESGCM(keys.cipher).encrypt(nonce, value, bound)


def decrypt_value(keys: RawKeys, place: Place, column: str, stored: bytes) -> bytes:
    """The value that was encrypted; `ConfigurationError` for what is not, is of another key or place, or was changed."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    where = f"{column} of topic id {place.topic_id}, partition {place.partition}, offset {place.offset}"
    if not stored.startswith(MARK):
        raise ConfigurationError(f"{where}: is not encrypted")
    if not stored.startswith(keys.header):
        found = stored[len(MARK) : HEADER_BYTES].hex()
        raise ConfigurationError(
            f"{where}: was encrypted with the key of id {found}, and {KEY_VARIABLE} is that of id {keys.id.hex()}"
        )
    sealed = stored[HEADER_BYTES:]
    try:
        return AESGCM(keys.cipher).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], describe_place(place, column))
    except (InvalidTag, ValueError):
        raise ConfigurationError(
            f"{where}: is not what was encrypted for this place: it was changed or moved"
        ) from None


def describe_place(place: Place, column: str) -> bytes:
    """What is authenticated with a value."""
    return f"{place.topic_id}/{place.partition}/{place.offset}/{column}".encode()


def _sign(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, hashlib.sha256).digest()
