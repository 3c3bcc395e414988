"""What every test is held to: no unexpected log record, no leaked thread, no leaked process, no window on a display.

Must not: know any part of the program. Guards have their negative controls in unit/test_guards.py.
"""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before anything imports Qt

import logging
import re
from collections.abc import Callable, Iterator

import pytest
from helpers import leaks

ExpectLogs = Callable[[str], None]

_FIRST = ("end2end", "integration")
"""Folders whose files wait long for processes: begun first, so that none is left alone at the end."""


@pytest.hookimpl(trylast=True)  # after pytest-randomly, whose order stays within a folder
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((n for n, folder in enumerate(_FIRST) if folder in item.path.parts), len(_FIRST)))


class _Expected:
    def __init__(self) -> None:
        self.patterns: list[re.Pattern[str]] = []


@pytest.fixture
def _expected_logs() -> _Expected:
    return _Expected()


@pytest.fixture
def expect_logs(_expected_logs: _Expected) -> ExpectLogs:
    """`expect_logs("regex")`: at least one record >= WARNING must match, and those that match are no failure."""

    def expect(pattern: str) -> None:
        _expected_logs.patterns.append(re.compile(pattern))

    return expect


@pytest.fixture(autouse=True)
def _no_unexpected_logs(_expected_logs: _Expected, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    records = [
        record for when in ("setup", "call") for record in caplog.get_records(when) if record.levelno >= logging.WARNING
    ]
    problem = leaks.unexpected_records(records, _expected_logs.patterns)
    if problem:
        pytest.fail(problem, pytrace=False)


@pytest.fixture(autouse=True)
def _no_leaks() -> Iterator[None]:
    before = leaks.snapshot()
    yield
    problem = leaks.left_behind(before)
    if problem:
        pytest.fail(problem, pytrace=False)
