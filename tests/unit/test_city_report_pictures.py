"""The simulated city's pictures: what its reports name exists, is a PNG, and shows the same place put right."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np

from backends.city import City, report_pictures, reports
from backends.domain.report import Report, ReportState
from backends.domain.times import NS_PER_S
from backends.domain.world import ReportMoved
from backends.hub.blobs import BlobStore
from backends.hub.pictured import Pictured

START_NS = 1_795_142_400 * NS_PER_S
"""20/11/2026 12:00 UTC."""


def moves() -> list[ReportMoved]:
    lives = itertools.islice(reports.ordinary(2020, START_NS, START_NS - 86_400 * NS_PER_S, reports.CALM), 60)
    return [move for life in lives for move in life]


def test_some_reports_have_pictures_and_those_done_have_one_of_the_result() -> None:
    new = [move.report for move in moves() if move.report.state is ReportState.NEW]
    with_picture = [report for report in new if report.before]
    assert 10 < len(with_picture) < 50
    done = [move.report for move in moves() if move.report.state is ReportState.DONE]
    assert all(bool(report.before) == bool(report.after) for report in done)
    assert not any(move.report.after for move in moves() if move.report.state is not ReportState.DONE)


def test_each_is_a_picture_of_its_size_and_two_of_one_place_differ_in_part() -> None:
    named = {(r.before, r.after) for r in (move.report for move in moves()) if r.after}
    assert len(named) > 4
    for before, after in named:
        pair = [report_pictures.picture(blobs[0]) for blobs in (before, after)]
        found = [cv2.imdecode(np.frombuffer(data or b"", np.uint8), cv2.IMREAD_COLOR) for data in pair]
        assert [one.shape for one in found] == [(report_pictures.HEIGHT, report_pictures.WIDTH, 3)] * 2
        same = np.mean(np.all(found[0] == found[1], axis=2))
        assert 0.2 < same < 0.999, "one place, in another state"


def test_the_hub_has_what_the_world_names_before_its_events_go_on(tmp_path: Path) -> None:
    city, blobs = City(start_ns=START_NS), BlobStore(tmp_path)
    world = Pictured(city, city, blobs)
    last: dict[str, Report] = {}
    for event in world.past():
        if isinstance(event, ReportMoved):
            last[event.report.id] = event.report
    named = [blob for report in last.values() for blob in (*report.before, *report.after)]
    assert named
    for blob in named:
        found = blobs.find(blob)
        assert found is not None
        assert found[1] == "image/png"
    assert world.until(START_NS + 3600 * NS_PER_S)
