"""Certificates as distributions of Kubernetes make them: each has an authority, a server and their oddities."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
SERVICE_NAMES = tuple(
    x509.DNSName(name)
    for name in ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
)
USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
          "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")  # fmt: skip


@dataclass(frozen=True)
class Style:
    """How a distribution makes its certificates."""

    key: Callable[[], Key]
    authority_name: x509.Name
    server_name: x509.Name
    names: tuple[x509.GeneralName, ...] = (*SERVICE_NAMES, LOOPBACK)
    authority_usages: tuple[str, ...] = ("digital_signature", "key_encipherment", "key_cert_sign")
    server_usages: tuple[str, ...] = ("digital_signature", "key_encipherment")
    authority_names: tuple[x509.GeneralName, ...] = ()
    has_key_identifiers: bool = True
    has_critical_constraints: bool = True
    has_intermediate: bool = False
    trusts_intermediate: bool = False
    """Whether the kubeconfig has only the intermediate authority, not the root."""
    trusts_server: bool = False
    """Whether the kubeconfig has only the server's own certificate."""


@dataclass(frozen=True)
class Issued:
    """Files and texts in PEM."""

    authority: str
    certificate: Path
    key: Path
    client_certificate: str = field(repr=False)
    client_key: str = field(repr=False)
    client_authority: Path


def name(common_name: str, *, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def rsa_key() -> Key:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def ec_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


STYLES = {
    "kubeadm": Style(rsa_key, name("kubernetes"), name("kube-apiserver"), authority_names=(SERVICE_NAMES[0],)),
    "kind": Style(rsa_key, name("kubernetes"), name("kube-apiserver"), authority_names=(SERVICE_NAMES[0],)),
    "k3s": Style(ec_key, name("k3s-server-ca@1700000000"), name("k3s", organization="k3s")),
    "minikube": Style(
        rsa_key,
        name("minikubeCA"),
        name("minikube", organization="system:masters"),
        authority_usages=("digital_signature", "key_encipherment", "key_cert_sign"),
        has_key_identifiers=False,
    ),
    "eks": Style(rsa_key, name("kubernetes"), name("kube-apiserver"), has_key_identifiers=False),
    "gke": Style(rsa_key, name("8a1e2e3c-5b1d-4a0b-9d7e-3f1c2b4d5e6f"), name("127.0.0.1"), names=(LOOPBACK,)),
    "aks": Style(
        rsa_key,
        name("ca"),
        name("apiserver"),
        authority_usages=("digital_signature", "key_encipherment", "key_cert_sign"),
        has_critical_constraints=False,
    ),
    "openshift": Style(
        rsa_key,
        name("openshift-kube-apiserver-lb-signer", organization=""),
        name("127.0.0.1"),
        has_intermediate=True,
    ),
    "rancher": Style(
        ec_key,
        name("dynamiclistener-ca@1700000000", organization="dynamiclistener-org"),
        name("dynamic", organization="dynamic"),
        authority_usages=("digital_signature", "key_encipherment", "key_cert_sign"),
    ),
    "partial-chain": Style(
        rsa_key, name("corporate root"), name("apiserver"), has_intermediate=True, trusts_intermediate=True
    ),
    "the-server's-own": Style(rsa_key, name("unused"), name("self"), trusts_server=True),
    "no-authority-usage": Style(rsa_key, name("old"), name("apiserver"), authority_usages=()),
}
"""Distributions, and what their users do with certificates besides."""


def issue(style: Style, directory: Path, *, names: tuple[x509.GeneralName, ...] | None = None,
          age: timedelta = timedelta(days=1), lifetime: timedelta = timedelta(days=30)) -> Issued:  # fmt: skip
    """Writes a server's chain and key. Its age and lifetime are those of the server's certificate."""
    root_key, server_key = style.key(), style.key()
    root = _signed(style, style.authority_name, (style.authority_name, root_key), root_key, is_authority=True)
    signer, signer_key, chain = root, root_key, [root]
    if style.has_intermediate:
        signer_key = style.key()
        between = name("intermediate")
        signer = _signed(style, between, (style.authority_name, root_key), signer_key, is_authority=True)
        chain = [signer]
    signing = server_key if style.trusts_server else signer_key
    issuer = style.server_name if style.trusts_server else signer.subject
    server = _signed(
        style, style.server_name, (issuer, signing), server_key, names=names or style.names, age=age, lifetime=lifetime
    )
    client_key = style.key()
    client = _signed(style, name("me", organization="devs"), (root.subject, root_key), client_key, is_client=True)
    trusted = server if style.trusts_server else signer if style.trusts_intermediate else root
    directory.mkdir(exist_ok=True)
    paths = [directory / each for each in ("chain.pem", "key.pem", "root.pem")]
    paths[0].write_bytes(_pem(server) + b"".join(_pem(each) for each in chain if style.has_intermediate))
    paths[1].write_bytes(_key_pem(server_key))
    paths[2].write_bytes(_pem(root))
    return Issued(_pem(trusted).decode(), paths[0], paths[1], _pem(client).decode(), _key_pem(client_key).decode(),
                  paths[2])  # fmt: skip


def _signed(
    style: Style,
    subject: x509.Name,
    signer: tuple[x509.Name, Key],
    key: Key,
    *,
    is_authority: bool = False,
    is_client: bool = False,
    names: tuple[x509.GeneralName, ...] = (),
    age: timedelta = timedelta(days=1),
    lifetime: timedelta = timedelta(days=30),
) -> x509.Certificate:
    now = datetime.now(UTC)
    issuer, issuer_key = signer
    constraints = x509.BasicConstraints(ca=is_authority, path_length=None)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - age)
        .not_valid_after(now - age + lifetime)
        .add_extension(constraints, critical=style.has_critical_constraints)
    )
    usages = style.authority_usages if is_authority else style.server_usages
    if usages:
        builder = builder.add_extension(x509.KeyUsage(**{each: each in usages for each in USAGES}), critical=True)
    if not is_authority:
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if is_client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    alternatives = style.authority_names if is_authority else names
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    if style.has_key_identifiers:
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(identifier, critical=False).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
