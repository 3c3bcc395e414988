"""SQLite connections that fail at the n-th call, with the code that a bad disk gives."""

from __future__ import annotations

import sqlite3
import types
from typing import Any

import pytest


class Fault:
    """Fails `times` calls from the n-th on, counted over all connections of backends.store.schema."""

    def __init__(self, n: int, code: int, times: int = 1) -> None:
        self.n, self.code, self.times = n, code, times
        self.calls = 0
        self.hit = 0

    def call(self) -> None:
        self.calls += 1
        if self.n <= self.calls < self.n + self.times:
            self.hit += 1
            error = sqlite3.OperationalError("disk I/O error" if self.code != sqlite3.SQLITE_FULL else "disk is full")
            error.sqlite_errorcode = self.code
            raise error


def inject(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """From here on the store's own connections fail; the test's own do not."""

    class Faulty(sqlite3.Connection):
        def execute(self, *args: Any) -> sqlite3.Cursor:
            fault.call()
            return super().execute(*args)

        def executemany(self, *args: Any) -> sqlite3.Cursor:
            fault.call()
            return super().executemany(*args)

    def connect(*args: Any, **fields: Any) -> sqlite3.Connection:
        return sqlite3.connect(*args, **{**fields, "factory": Faulty})

    shim = types.SimpleNamespace(**vars(sqlite3))
    shim.connect = connect
    monkeypatch.setattr("backends.store.schema.sqlite3", shim)
