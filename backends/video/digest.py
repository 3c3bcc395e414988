"""The answer to an HTTP server's question for user and password: digest (RFC 7616), or basic where it wants only that.

Pure. Must not: keep a password, or say one.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence

_PAIR = re.compile(r'([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))', re.IGNORECASE)
_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}
"""Best first."""


def authorization(
    challenges: Sequence[str],
    user: str,
    password: str,
    target: str,
    nonce: Callable[[], str] = secrets.token_hex,
    *,
    method: str = "GET",
    in_clear: bool = True,
) -> str:
    """The value of `Authorization` for `method target`; empty when nothing that is asked for is known here.

    `challenges`: the values of WWW-Authenticate. `nonce`: ours, new for each answer. `in_clear` False: never basic,
    which shows the password to whoever listens or has put himself in the camera's place.
    """
    digests = []
    basic = False
    for challenge in challenges:
        scheme, _, rest = challenge.strip().partition(" ")
        if scheme.lower() == "digest":
            digests.append({name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)})
        basic |= scheme.lower() == "basic"
    for name, digest in _HASHES.items():
        for asked in digests:
            if asked.get("algorithm", "MD5").upper().removesuffix("-SESS") == name and "nonce" in asked:
                return _digest(asked, digest, user, password, target, nonce(), method)
    if basic and in_clear:
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return ""


def _digest(
    asked: dict[str, str],
    digest: Callable[[bytes], str],
    user: str,
    password: str,
    target: str,
    ours: str,
    method: str,
) -> str:
    realm, theirs = asked.get("realm", ""), asked["nonce"]
    secret = digest(f"{user}:{realm}:{password}".encode())
    if asked.get("algorithm", "").upper().endswith("-SESS"):
        secret = digest(f"{secret}:{theirs}:{ours}".encode())
    what = digest(f"{method}:{target}".encode())
    # What came between quotes goes back as it came.
    fields = {"username": _quoted(user), "realm": realm, "nonce": theirs, "uri": target}
    words = [f'{name}="{value}"' for name, value in fields.items()]
    if "auth" in (word.strip() for word in asked.get("qop", "").lower().split(",")):
        answer = digest(f"{secret}:{theirs}:00000001:{ours}:auth:{what}".encode())
        words += ["qop=auth", "nc=00000001", f'cnonce="{ours}"']
    else:
        answer = digest(f"{secret}:{theirs}:{what}".encode())
    words.append(f'response="{answer}"')
    if "algorithm" in asked:
        words.append(f"algorithm={asked['algorithm']}")
    if "opaque" in asked:
        words.append(f'opaque="{asked["opaque"]}"')
    return "Digest " + ", ".join(words)


def _quoted(name: str) -> str:
    """A quote or line end in a user's name must not end the field."""
    return re.sub(r'(["\\])', r"\\\1", re.sub(r"[\r\n]", "", name))
