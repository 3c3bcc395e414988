"""Which outputs a set of demands needs, and which worker decodes which stream. Pure functions.

One decode a stream; one output per distinct size, at most three for each stream and crop: further sizes
are painted from the next larger one. Must not: touch memory, processes or time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from backends.domain.camera import Demand

MAX_SIZES = 3
"""Outputs for each stream and crop (design, section 6)."""
MAX_SIDE = 8192
"""Pixels. A tile on the largest wall stays below; a demand beyond is served smaller."""


class StreamKey(msgspec.Struct, frozen=True, order=True):
    """What is decoded once."""

    camera_id: str
    uri: str


class OutputKey(msgspec.Struct, frozen=True, order=True):
    """What is scaled once. Width and height are even, as 4:2:0 pictures need."""

    stream: StreamKey
    crop: tuple[float, float, float, float]
    width: int
    height: int


def outputs_for(demands: Iterable[Demand]) -> dict[Demand, OutputKey]:
    """The output that each demand is painted from."""
    sizes: dict[tuple[StreamKey, tuple[float, float, float, float]], set[tuple[int, int]]] = defaultdict(set)
    wanted = list(demands)
    for demand in wanted:
        sizes[_what(demand)].add(_even_size(demand))
    kept = {what: sorted(some, key=_area, reverse=True)[:MAX_SIZES] for what, some in sizes.items()}
    return {demand: _output(_what(demand), kept[_what(demand)], _even_size(demand)) for demand in wanted}


def _what(demand: Demand) -> tuple[StreamKey, tuple[float, float, float, float]]:
    return StreamKey(demand.camera_id, demand.uri), demand.crop


def _even_size(demand: Demand) -> tuple[int, int]:
    return _even(demand.width), _even(demand.height)


def _even(side: int) -> int:
    return min(MAX_SIDE, max(2, (side + 1) // 2 * 2))


def _area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def _output(
    what: tuple[StreamKey, tuple[float, float, float, float]], kept: list[tuple[int, int]], size: tuple[int, int]
) -> OutputKey:
    fitting = [other for other in kept if other[0] >= size[0] and other[1] >= size[1]]
    width, height = min(fitting, key=_area) if fitting else kept[0]
    return OutputKey(what[0], what[1], width, height)


def spread(streams: Iterable[StreamKey], workers: int, before: Mapping[StreamKey, int]) -> dict[StreamKey, int]:
    """The worker of each stream: where it was before, new ones to the least loaded."""
    placed = {stream: before[stream] for stream in streams if stream in before}
    load = [0] * workers
    for worker in placed.values():
        load[worker] += 1
    for stream in sorted(stream for stream in set(streams) if stream not in placed):
        worker = load.index(min(load))
        placed[stream] = worker
        load[worker] += 1
    return placed
