"""Tells whose turn a job takes in the queue: a caller's jobs wait for each other, and callers take turns.

Callers that are not known by name are told apart by cluster and credential, not by the text of their kubeconfig:
another context name or namespace, or a token that was made anew for the same account, is not another caller.
"""

import base64
import binascii
import json
from collections.abc import Mapping

from gateway.intake.preparation import PreparedCall

MINTED_PREFIX = "k8s-aws-v1."
"""Start of tokens that `aws eks get-token` makes anew for each command. Their text does not tell the account."""


def of(call: PreparedCall) -> tuple[str, ...]:
    """Returns the parts of the caller's identity. They contain credentials, so only a hash of them may be stored."""
    if not call.caller.is_anonymous:
        return (call.caller.principal,)
    own = (f"{name}={value}" for name, value in sorted(call.envelope.command.credentials.items()))
    return (call.caller.principal, *_credential(call.identity), *own)


def _credential(identity: str) -> tuple[str, ...]:
    try:
        document = json.loads(identity)
        [cluster], users = document["clusters"], document["users"]
        user = dict(users[0]["user"]) if users else {}
    except (ValueError, KeyError, TypeError):
        return (identity,)  # a context of the gateway's own kubeconfig, or no cluster at all
    account = _account(user.pop("token", ""))
    return (cluster["cluster"]["server"], account, json.dumps(user, sort_keys=True))


def _account(token: str) -> str:
    """Returns issuer and subject of a JSON Web Token (RFC 7519); another token stands for itself."""
    if token.startswith(MINTED_PREFIX):
        return MINTED_PREFIX
    claims = _claims(token)
    return json.dumps([claims.get("iss"), claims["sub"]]) if "sub" in claims else token


def _claims(token: str) -> Mapping[str, object]:
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}
