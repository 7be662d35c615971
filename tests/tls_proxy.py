"""Ends TLS in front of a server on the loopback address, for the host names of one domain.

Nothing of the product and nothing of the sandboxes: a test that derives `https://` addresses
reaches the server under names that only it resolves, with a certificate that only it trusts.
"""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-encoding"}


@dataclass(frozen=True)
class Front:
    """`hosts` are the names that were asked for, in order; `authority` is the file to trust."""

    authority: str
    hosts: list[str]


@contextmanager
def tls_in_front_of(
    url: str, domain: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Front]:
    """Every name below `domain` leads to `url` by https, in this process alone."""
    _write_certificates(domain, folder)
    front = Front(str(folder / "authority.pem"), [])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _forwarder(url, front))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(domain, server.server_address))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


def _resolver(domain: str, address: Any) -> Any:
    known = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if str(host).endswith(f".{domain}"):
            host, port = address[0], address[1]  # as if it stood at 443 of its own machine
        return known(host, port, *args, **kwargs)

    return resolve


def _forwarder(url: str, front: Front) -> type[BaseHTTPRequestHandler]:
    class Forwarder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            front.hosts.append(self.headers["Host"])
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = requests.request(
                self.command, url + self.path, headers=dict(self.headers), data=body, timeout=10
            )
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP | {"content-length", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward

        def log_message(self, *_args: Any) -> None:
            """Nothing: pytest shows what fails."""

    return Forwarder


def _write_certificates(domain: str, folder: Path) -> None:
    """authority.pem, and server.pem with server.key for all names below the domain."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    authority = _certificate(issuer, issuer, authority_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    names = x509.SubjectAlternativeName([x509.DNSName(f"*.{domain}")])
    server = _certificate(issuer, subject, server_key.public_key()).add_extension(
        names, critical=False
    )
    for name, unsigned in (("authority.pem", authority), ("server.pem", server)):
        signed = unsigned.sign(authority_key, hashes.SHA256())
        (folder / name).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _certificate(
    issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )
