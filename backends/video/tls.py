"""TLS to cameras: certificates that are verified, or pinned because the camera has signed its own.

FFmpeg checks the certificate itself, on the very connection that carries the password and the pictures (GnuTLS:
chain, host, dates); it knows no fingerprints. A pin therefore becomes the one certificate that FFmpeg may trust:
fetched once for each pin and process, compared by its SHA-256, and handed over as FFmpeg's whole list of
authorities, with the name that stands in it. Another certificate of the same name is refused by FFmpeg.

Python's `ssl` is used where we read ourselves (HTTP), and to say why FFmpeg refused. Its handshakes run on
sockets that do not block, against one deadline: a peer that sends a byte a second cannot stretch them.
Must not: send a password, or accept what nobody has vouched for.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import select
import socket
import ssl
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from backends.video.faults import SourceFault

HANDSHAKE_S = 5.0
"""Connection and handshake together."""
REFUSED = "connection refused"

Names = dict[str, Any]
"""What `ssl.SSLSocket.getpeercert` gives."""

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where Debian, Fedora and BSD keep the authorities in one file; OpenSSL's own default may be a folder alone."""


class CertificateFault(SourceFault):
    """The camera's certificate is not the one that it has to be."""


def trusted_file() -> str:
    """The file of authorities that this machine trusts; SSL_CERT_FILE names another (OpenSSL's convention)."""
    for path in (os.environ.get("SSL_CERT_FILE", ""), ssl.get_default_verify_paths().cafile, *_BUNDLES):
        if path and Path(path).is_file():
            return path
    # Windows keeps them in a store of its own; FFmpeg wants a file.
    pem = "".join(map(ssl.DER_cert_to_PEM_cert, ssl.create_default_context().get_ca_certs(binary_form=True)))
    return _kept("authorities", pem)


def context_for(pin: str) -> ssl.SSLContext:
    """Verifies against this machine's authorities; with a pin it verifies nothing: compare with `check_pin`."""
    context = ssl.create_default_context()
    if pin:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def check_pin(shown: bytes | None, pin: str) -> None:
    """`shown`: the certificate as DER. Raises CertificateFault when it is not the pinned one."""
    if hashlib.sha256(shown or b"").hexdigest() != pin:
        raise CertificateFault("the camera shows another certificate than the pinned one")


def connect(host: str, port: int, until: float) -> socket.socket:
    """A connection, made before the monotonic second `until`. Raises SourceFault in words.

    Blocks longer only while the name of the host is looked up.
    """
    try:
        return socket.create_connection((host, port), max(0.01, until - time.monotonic()))
    except ConnectionError:  # nothing was connected yet that could have been closed, whatever the system calls it
        raise SourceFault(REFUSED) from None
    except OSError as error:
        raise fault_of_socket(error) from None


def connect_encrypted(host: str, port: int, pin: str, until: float) -> ssl.SSLSocket:
    """As `connect`, with handshake and check: by this machine's authorities, or against `pin`."""
    tls = _handshaken(host, port, context_for(pin), until)
    try:
        if pin:
            check_pin(tls.getpeercert(binary_form=True), pin)
    except BaseException:
        tls.close()
        raise
    return tls


def _handshaken(host: str, port: int, context: ssl.SSLContext, until: float) -> ssl.SSLSocket:
    with contextlib.ExitStack() as undo:
        try:
            plain = connect(host, port, until)
            undo.callback(plain.close)
            plain.setblocking(False)
            tls = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            undo.callback(tls.close)
            _shake(tls, until)
        except ssl.SSLCertVerificationError as error:
            raise CertificateFault(_why(error)) from None
        except ssl.SSLError:
            raise SourceFault("the encrypted connection (TLS) cannot be set up") from None
        except OSError as error:
            raise fault_of_socket(error) from None
        undo.pop_all()
    return tls


def _shake(tls: ssl.SSLSocket, until: float) -> None:
    while True:
        reads: list[ssl.SSLSocket] = []
        writes: list[ssl.SSLSocket] = []
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            reads.append(tls)
        except ssl.SSLWantWriteError:
            writes.append(tls)
        else:
            return
        left = until - time.monotonic()
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            raise TimeoutError


def fault_of_socket(error: OSError) -> SourceFault:
    """A socket's error in our words."""
    if isinstance(error, socket.gaierror):
        return SourceFault("the name of the camera is not known")
    if isinstance(error, TimeoutError):
        return SourceFault("no answer in time")
    if isinstance(error, ConnectionRefusedError):
        return SourceFault(REFUSED)
    if isinstance(error, ConnectionError):
        return SourceFault("the camera closed the connection")
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return SourceFault("there is no way to the camera in the network")
    return SourceFault(os.strerror(error.errno).lower() if error.errno else "the connection failed")


_REASONS = {
    10: "the camera's certificate has expired",  # X509_V_ERR_CERT_HAS_EXPIRED
    9: "the camera's certificate is not valid yet",  # X509_V_ERR_CERT_NOT_YET_VALID
    62: "the camera's certificate is for another host",  # X509_V_ERR_HOSTNAME_MISMATCH
    64: "the camera's certificate is for another host",  # X509_V_ERR_IP_ADDRESS_MISMATCH
}
"""OpenSSL's x509_vfy.h."""


def _why(error: ssl.SSLCertVerificationError) -> str:
    return _REASONS.get(error.verify_code, "nobody whom this machine trusts has signed the camera's certificate")


def fingerprint(host: str, port: int) -> str:
    """SHA-256 of the certificate that is shown there, to be shown to a person who may pin it. Raises SourceFault."""
    with _handshaken(host, port, context_for("any"), time.monotonic() + HANDSHAKE_S) as tls:
        return hashlib.sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()


def why_refused(host: str, port: int, pin: str) -> SourceFault | None:
    """After FFmpeg has failed: what is wrong with the certificate, or None when it is right. Blocks HANDSHAKE_S."""
    try:
        connect_encrypted(host, port, pin, time.monotonic() + HANDSHAKE_S).close()
    except CertificateFault as fault:
        return fault
    except SourceFault:
        return None
    return None


_lock = threading.Lock()
_pinned: dict[str, tuple[str, str]] = {}
"""Pin -> file with the certificate, name in it. One for each pin that this process has met."""


def ffmpeg_options(host: str, port: int, pin: str) -> dict[str, str]:
    """What makes FFmpeg refuse every certificate but the right one. May connect, HANDSHAKE_S at most, twice.

    Raises SourceFault, CertificateFault for another certificate than the pinned one.
    """
    if not pin:
        return {"tls_verify": "1", "ca_file": trusted_file(), "verifyhost": host}
    with _lock:
        known = _pinned.get(pin)
    if known is None:
        known = _fetch(host, port, pin)
        with _lock:
            known = _pinned.setdefault(pin, known)
    path, name = known
    return {"tls_verify": "1", "ca_file": path, "verifyhost": name}


def _fetch(host: str, port: int, pin: str) -> tuple[str, str]:
    until = time.monotonic() + HANDSHAKE_S
    with connect_encrypted(host, port, pin, until) as tls:
        shown = tls.getpeercert(binary_form=True)
    pem = ssl.DER_cert_to_PEM_cert(shown or b"")
    # Only a verified certificate is shown taken apart: a second time, trusting just this one.
    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    alone.check_hostname = False
    alone.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    alone.load_verify_locations(cadata=pem)
    with _handshaken(host, port, alone, until) as tls:
        name = name_in(tls.getpeercert() or {})
    if not name:
        raise CertificateFault("the camera's certificate holds no name: it cannot be pinned")
    return _kept(pin, pem), name


def name_in(certificate: Names) -> str:
    """A name that this certificate is valid for: the first of its alternative ones, else its common one."""
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "IP Address"):
            return str(name).replace("*.", "any.", 1)
    for (kind, name), *_ in certificate.get("subject", ()):
        if kind == "commonName":
            return str(name)
    return ""


_files: dict[str, str] = {}


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="ioc-tls-")


def _kept(name: str, pem: str) -> str:
    """A file with this text for as long as the process lives; on Linux without a name on any disk, so that a worker
    that may open no file can still make one."""
    with _lock:
        if name not in _files:
            if sys.platform == "linux":
                fd = os.memfd_create(f"tls-{name[:16]}", os.MFD_CLOEXEC)
                os.write(fd, pem.encode())
                _files[name] = f"/proc/self/fd/{fd}"
            else:
                path = Path(_folder().name, f"{name[:16]}.pem")
                path.write_text(pem, "ascii")
                _files[name] = str(path)
        return _files[name]
