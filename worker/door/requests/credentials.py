"""Tells the requests by which a cluster makes a credential: tokens, certificates, and Secrets that stand for them."""

from shared.documents import Value
from worker.door.requests import bodies, kinds, protobuf
from worker.door.requests.request_info import RequestInfo

_WRITES = frozenset({"create", "update", "patch"})
_SIGNERS_OF_IDENTITIES = ("kube-apiserver-client", "kubelet-serving")
"""Parts of the names of Kubernetes' own signers: https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/"""


def made(info: RequestInfo, *, body: bytes, content_type: str) -> str:
    """Returns what the request would make, as the end of `strict does not allow …`; empty if it is no credential."""
    whole, media_type = (info.group, info.resource), bodies.media_type(content_type)
    if not info.is_resource or info.verb not in _WRITES:
        return ""
    if info.subresource:
        return _by_subresource((*whole, info.subresource))
    # The type of a Secret and the signer of a request are immutable.
    if media_type in bodies.PATCHES_OF_FIELDS or whole not in {kinds.SECRETS, kinds.CERTIFICATE_REQUESTS}:
        return ""
    try:
        return _secret(body, media_type) if whole == kinds.SECRETS else _certificate(body, media_type)
    except (bodies.UndecidableError, ValueError) as error:
        kind = "Secret" if whole == kinds.SECRETS else "CertificateSigningRequest"
        return f"a {kind} that cannot be read: {error}"


def _by_subresource(whole: tuple[str, str, str]) -> str:
    if whole == kinds.TOKEN_REQUEST:
        return "requesting a token of a ServiceAccount"
    return "approving or denying a CertificateSigningRequest" if whole == kinds.APPROVAL else ""


def _secret(body: bytes, media_type: str) -> str:
    is_protobuf = media_type == protobuf.MEDIA_TYPE
    kind = protobuf.secret_type(body) if is_protobuf else bodies.read(body, media_type).get("type")
    if not isinstance(kind, str | None):
        return "a Secret of which the type is not text"
    return f"a Secret of the type {kind}" if kind in kinds.SECRET_TYPES_REFUSED_IN_STRICT else ""


def _certificate(body: bytes, media_type: str) -> str:
    """Some requests are approved by the cluster itself."""
    signer = body.decode(errors="replace") if media_type == protobuf.MEDIA_TYPE else _signer(body, media_type)
    is_identity = any(name in signer for name in _SIGNERS_OF_IDENTITIES)
    return "requesting a certificate for an identity of the cluster" if is_identity else ""


def _signer(body: bytes, media_type: str) -> str:
    spec: Value = bodies.read(body, media_type).get("spec")
    return str(spec.get("signerName")) if isinstance(spec, dict) else ""
