"""Certificates for test cameras, made by openssl: an authority of the site, and what it or nobody has signed."""

from __future__ import annotations

import hashlib
import ssl
import subprocess
from pathlib import Path


def _run(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def self_signed(folder: Path, name: str, cn: str = "IPC", san: str = "", days: int = 30) -> Path:
    """A file with key and certificate, as cameras sign their own."""
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    more = ["-addext", f"subjectAltName={san}"] if san else []
    _run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(pem), "-days", str(days),
         "-subj", f"/CN={cn}", "-addext", "basicConstraints=critical,CA:FALSE", *more)  # fmt: skip
    pem.write_text(pem.read_text() + key.read_text())
    return pem


def authority(folder: Path) -> Path:
    """Signs; its file is what a machine would trust."""
    pem = folder / "authority.pem"
    _run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(folder / "authority.key"), "-out", str(pem),
         "-days", "30", "-subj", "/CN=the site")  # fmt: skip
    return pem


def signed(folder: Path, name: str, san: str, days: int = 30) -> Path:
    """A file with key and certificate for `san` ("IP:127.0.0.1"), signed by `authority`. `days` < 0: expired."""
    pem, key, ask, extra = (folder / f"{name}.{end}" for end in ("pem", "key", "csr", "ext"))
    _run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(ask), "-subj", f"/CN={name}")
    extra.write_text(f"subjectAltName={san}\n")
    _run("x509", "-req", "-in", str(ask), "-CA", str(folder / "authority.pem"), "-CAkey",
         str(folder / "authority.key"), "-CAcreateserial", "-out", str(pem), "-days", str(days),
         "-extfile", str(extra))  # fmt: skip
    pem.write_text(pem.read_text() + key.read_text())
    return pem


def pin_of(pem: Path) -> str:
    """SHA-256 of the first certificate in the file."""
    text = pem.read_text()
    end = "-----END CERTIFICATE-----"
    der = ssl.PEM_cert_to_DER_cert(text[: text.index(end) + len(end)])
    return hashlib.sha256(der).hexdigest()
