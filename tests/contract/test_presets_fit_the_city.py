"""What the shipped layouts name exists in the simulated city: cameras, sensors, quantities, indicators."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec
import pytest

from backends.city import City
from backends.domain.times import NS_PER_S
from backends.domain.world import Directory
from layouts.load import load_layouts
from layouts.options import SHIPPED_KINDS, CamerasOptions, IndicatorsOptions, PlotOptions, expand_numbers
from layouts.spec import Layout

_START_NS = 1_795_100_000 * NS_PER_S


@cache
def _directory() -> Directory:
    return City(start_ns=_START_NS).directory()


def _options(layout: Layout) -> Iterator[msgspec.Struct]:
    for windows in layout.windows.values():
        for window in windows:
            for panel in (window.desk, window.wall):
                for tile in panel.tiles:
                    yield tile.options


LAYOUTS = load_layouts(SHIPPED_KINDS).layouts


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.id for layout in LAYOUTS])
def test_everything_that_a_preset_names_is_there(layout: Layout) -> None:
    city = _directory()
    numbers = {c.number for c in city.cameras} | {"alarm"}
    sensors, quantities = {s.id for s in city.sensors}, {s.parameter for s in city.sensors}
    indicators = {i.id for i in city.indicators}
    missing: set[str] = set()
    for options in _options(layout):
        if isinstance(options, CamerasOptions):
            missing |= set(expand_numbers(options.numbers)) - numbers
        elif isinstance(options, PlotOptions):
            missing |= {options.sensor} - sensors - {""}
            missing |= {options.parameter} - quantities - {""}
        elif isinstance(options, IndicatorsOptions):
            missing |= set(options.ids) - indicators
    assert not missing


def test_there_are_six_on_the_function_keys() -> None:
    assert [layout.key for layout in LAYOUTS] == ["F1", "F2", "F3", "F4", "F5", "F6"]
