"""What every kind of video source promises; a new file in `backends/video/sources/` is tested by being there."""

from __future__ import annotations

import itertools
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.clips import write_clip
from helpers.ring_rig import Memories, Rig, memories

from backends.domain.replay import Replay
from backends.video import sources
from backends.video.jpeg import JpegDecoder
from backends.video.ring_layout import NO_TIME, ring_path
from backends.video.scaling import Shot, size_of
from backends.video.source import Address, Past, Source, SourceFault, SourceSpec, spec_of, specs

__all__ = ["memories"]

KINDS = {spec.kind: spec for spec in specs().values()}


def test_every_file_is_in_the_registry() -> None:
    assert len(KINDS) == len(list(pkgutil.iter_modules(sources.__path__)))


@pytest.fixture(params=sorted(KINDS))
def spec(request: pytest.FixtureRequest) -> SourceSpec:
    return KINDS[request.param]


def test_it_says_what_it_is_and_its_example_leads_to_it(spec: SourceSpec) -> None:
    assert spec.says.endswith(".")
    assert spec_of(spec.example) is spec
    assert spec_of(spec.example.upper()) is spec, "schemes are not case-sensitive"


def test_what_cannot_be_opened_is_a_fault_in_words_without_secrets(spec: SourceSpec, tmp_path: Path) -> None:
    for scheme in spec.schemes:
        where = "//127.0.0.1:9/live" if spec.network else str(tmp_path / "none.mp4")
        words = _fault(spec, Address(f"{scheme}:{where}", "operator", "geheim"))
        assert words or not spec.network
        assert not [secret for secret in ("geheim", "127.0.0.1", str(tmp_path)) if secret in words]


def _fault(spec: SourceSpec, address: Address) -> str:
    """What it says when it does not open; empty when it opens."""
    try:
        spec.open(address).close()
    except SourceFault as fault:
        return str(fault)
    return ""


def shots_of(source: Source) -> Iterator[Shot]:
    for came in source.arrivals():
        yield from (came,) if isinstance(came, np.ndarray) else source.decode(came)


def test_what_needs_no_network_gives_frames_until_it_is_stopped(spec: SourceSpec, tmp_path: Path) -> None:
    if spec.network:
        assert spec.schemes, "cameras have their own tests, with real servers"
        return
    clip = write_clip(tmp_path / "clip.mp4", seconds=0.2)
    if spec.kind == "ring":
        return  # of the past: it ends by itself (below)
    uri = f"file:{clip}" if spec.kind == "file" else spec.example
    address = Address(uri, path=str(clip))
    source = spec.open(address)
    try:
        assert source.fps > 0
        assert source.pixel_aspect == 1.0
        shots = list(itertools.islice(shots_of(source), 7))  # more than the clip holds: it loops
        assert len({size_of(shot) for shot in shots}) == 1
        first, last = (shot if isinstance(shot, np.ndarray) else shot.to_ndarray() for shot in (shots[0], shots[3]))
        assert (first != last).any(), "it moves"
        address.stop.set()
        assert list(source.arrivals()) == []
        assert source.bad == 0
    finally:
        source.close()


def test_a_replay_is_of_the_past_and_ends(memories: Memories) -> None:
    """The exception: all others go on until they are stopped, and are opened again."""
    kept = Rig(memories, 4)
    writer = kept.writer(JpegDecoder.kept)
    for n in range(5):
        ok, data = cv2.imencode(".jpg", np.full((24, 32, 3), n * 40, np.uint8))
        assert ok
        assert writer.put(data.tobytes(), NO_TIME, NO_TIME, True, n * 1_000_000, 10**18 + n)
    uri = Replay("rtsp://192.0.2.7/live", 1_000_000, 3_000_000).uri
    source = KINDS["ring"].open(Address(uri, path=ring_path(kept.name, kept.generation)))
    assert isinstance(source, Past)
    assert source.codec is None, "what is shown again is not kept again"
    shots = [shot for shot in shots_of(source) if not isinstance(shot, np.ndarray)]
    assert [round(float(shot.to_ndarray(format="gray").mean())) for shot in shots] == [40, 80, 120]
    assert source.bad == 0
    source.close()
    assert not [kind for kind, spec in KINDS.items() if kind != "ring" and not spec.network and _is_past(spec)]


def _is_past(spec: SourceSpec) -> bool:
    try:
        source = spec.open(Address(spec.example))
    except SourceFault:
        return False
    source.close()
    return isinstance(source, Past)
