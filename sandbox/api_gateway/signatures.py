"""Checks a request's Signature Version 4 with the code that signs requests: docs.aws.amazon.com/IAM, reference_sigv."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.api_gateway.proxy_event import Received

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[^,]+), *Signature=(?P<signature>[0-9a-f]{64})"
)
TIME = "%Y%m%dT%H%M%SZ"
UNSIGNED = "UNSIGNED-PAYLOAD"
VALID = timedelta(minutes=5)
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)


class SignatureRefused(Exception):
    """A request that is not signed, or not rightly; the message is AWS's."""


def check_signature(received: Received, access_key: str, secret_key: str) -> str:
    """The access key that signed a request; raises `SignatureRefused` for any but the one that is known."""
    found = AUTHORIZATION.fullmatch(received.find_header("authorization") or "")
    stamp = received.find_header("x-amz-date")
    if found is None or stamp is None:
        raise SignatureRefused("Missing Authentication Token")
    if found["key"] != access_key:
        raise SignatureRefused("The security token included in the request is invalid.")
    _check_time(stamp, received.moment)
    signed = set(found["headers"].split(";"))
    query = f"?{received.query}" if received.query else ""
    request = AWSRequest(
        method=received.method,
        url=f"http://{received.find_header('host')}{received.raw_path}{query}",
        headers={name: value for name, value in received.headers if name.lower() in signed},
        data=received.body,
    )
    request.context["timestamp"] = stamp
    signer = SigV4Auth(Credentials(access_key, secret_key), found["service"], found["region"])
    canonical = signer.canonical_request(request)
    wanted = signer.signature(signer.string_to_sign(request, canonical), request)
    told = received.find_header("x-amz-content-sha256") or UNSIGNED
    is_body = told in (UNSIGNED, hashlib.sha256(received.body).hexdigest())
    if found["service"] != "execute-api" or not is_body or not hmac.compare_digest(wanted, found["signature"]):
        raise SignatureRefused(MISMATCH)
    return access_key


def _check_time(stamp: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(stamp, TIME).replace(tzinfo=UTC)
    except ValueError:
        raise SignatureRefused("Missing Authentication Token") from None
    if abs(now - signed_at) > VALID:
        text = f"Signature expired: {stamp} is now earlier than {now - VALID:{TIME}} ({now:{TIME}} - 5 min.)"
        raise SignatureRefused(text)
