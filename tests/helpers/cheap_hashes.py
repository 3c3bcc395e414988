"""Hashes of secrets that cost nothing, for tests of other things: the real ones take 64 MiB and half a second each.

A file imports both fixtures; a test of the hashes themselves names `real_hashes`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import pytest
from helpers.hub_process import CHEAP

from backends.hub import passwords
from console import feed_verifiers


@pytest.fixture
def real_hashes() -> None:
    """As they are kept."""


@pytest.fixture(autouse=True)
def cheap_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if "real_hashes" in request.fixturenames:
        yield
        return
    monkeypatch.setattr(passwords, "_HASHER", CHEAP)
    monkeypatch.setattr(passwords, "_nobody", functools.cache(passwords._nobody.__wrapped__))
    monkeypatch.setattr(feed_verifiers, "PasswordHasher", lambda: CHEAP)
    yield
