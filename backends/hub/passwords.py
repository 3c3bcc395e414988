"""Secrets of people: how they are hashed, and which ones are taken.

Argon2id with the second recommended option of RFC 9106, section 4: t = 3 passes, m = 64 MiB, p = 4 lanes,
salt 128 bits, tag 256 bits (argon2-cffi's RFC_9106_LOW_MEMORY). OWASP's Password Storage Cheat Sheet asks for
at least m = 19 MiB, t = 2, p = 1. A hash made with other figures is made anew at the next sign-in.
Must not: tell an unknown person from a wrong secret, by its answer or by its time.
"""

from __future__ import annotations

import functools
import secrets
import unicodedata

import argon2

SECRET_LEAST = 12
"""Characters. NIST SP 800-63B asks for 8, and counts length above rules about digits and signs."""
SECRET_MOST = 256
_HASHER = argon2.PasswordHasher.from_parameters(argon2.profiles.RFC_9106_LOW_MEMORY)


def hashed(secret: str) -> str:
    """The PHC string to keep. 64 MiB, and 0.2 to 0.6 s on two busy cores (measured at load 8)."""
    return _HASHER.hash(_normal(secret))


def fits(kept: str | None, secret: str) -> bool:
    """Is it the secret of that hash? None = nobody of that name: takes as long, and is never true."""
    try:
        _HASHER.verify(kept if kept is not None else _nobody(), _normal(secret))
    except argon2.exceptions.VerifyMismatchError:
        return False
    return kept is not None


def outdated(kept: str) -> bool:
    """Was this hash made with other figures than today's?"""
    return _HASHER.check_needs_rehash(kept)


def unfit(secret: str, person: str) -> str:
    """Why this secret is not taken, in words; empty = it is."""
    if len(secret) < SECRET_LEAST:
        return f"the secret must have at least {SECRET_LEAST} characters"
    if len(secret) > SECRET_MOST:
        return f"the secret may have {SECRET_MOST} characters at most"
    if any(unicodedata.category(c) == "Cc" for c in secret):
        return "the secret holds a control character"
    if person.casefold() in secret.casefold() or len(set(secret)) < 5:
        return "the secret is too easy: it repeats itself or holds the person's name"
    return ""


def _normal(secret: str) -> str:
    """The same text whichever way the keyboard composed it (Telex gives NFC or NFD); too long a one is cut."""
    return unicodedata.normalize("NFKC", secret[: SECRET_MOST + 1])


@functools.cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_hex(16))
