"""What every test is held to: no unexpected log record, no leaked thread, process or window, none on a display.

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


@pytest.hookimpl(trylast=True)  # after pytest-randomly, whose order stays within each kind
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that run the whole program begin first, so that none is left alone at the end; but two at a time, between
    light ones: four programs at once leave none the time that it needs. Then those that wait for processes."""
    heavy, waiting, light = [], [], []
    for path in dict.fromkeys(item.path for item in items):
        (heavy if "end2end" in path.parts else waiting if "integration" in path.parts else light).append(path)
    order = []
    while heavy:
        order += heavy[:2] + light[:2]
        del heavy[:2], light[:2]
    places = {path: n for n, path in enumerate(order + waiting + light)}
    items.sort(key=lambda item: places[item.path])


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
