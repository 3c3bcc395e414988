"""What the sweep says of a camera, look by look: nothing at the first sign, the truth at the second, and no more."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ExpectLogs
from helpers.sweep_cameras import jpeg

from backends.domain.picture import Light, PictureFlag
from backends.domain.sweep import PERIOD_S
from backends.probe.judge import Judge, Verdict
from backends.probe.look import Sight
from backends.probe.memory import LEARN, References
from backends.video.looks import sample_of, view_of
from backends.video.viewing import S

SIGNS = {
    "black": PictureFlag.BLACK,
    "covered": PictureFlag.COVERED,
    "turned": PictureFlag.TURNED,
    "blurred": PictureFlag.BLURRED,
}


class Looks:
    """A camera that is looked at when it is due; time passes between the looks."""

    def __init__(self, folder: Path, number: int = 3) -> None:
        self.folder, self.number = folder, number
        self.now_s = 1000.0
        self.variant = 0
        self.restart()

    def restart(self, uri: str = "rtsp://one/1") -> None:
        """Of the probe: only what is on disk is left."""
        self.judge = Judge(References(self.folder, "cam-1", uri))

    def look(self, kind: str) -> Verdict:
        """Now; then time goes on until the next look is due."""
        sight = Sight()
        for _ in range(self.judge.keys):
            self.variant += kind != "frozen"
            picture = cv2.imdecode(
                np.frombuffer(jpeg("street" if kind == "frozen" else kind, self.number, self.variant), np.uint8), 1
            )
            shot = cv2.cvtColor(picture, cv2.COLOR_BGR2BGRA)
            sample = sample_of(shot)
            assert sample is not None
            sight.samples.append((sample, int(self.now_s * S)))
            sight.view = view_of(shot)
        verdict = self.judge.saw(sight, int(self.now_s * S))
        self.now_s += verdict.again_s or PERIOD_S
        return verdict

    def until_settled(self, kind: str, most: int = 6) -> tuple[Verdict, float]:
        """Looks until none is asked for; (the last, seconds since the first)."""
        began_s = self.now_s
        for _ in range(most):
            at_s = self.now_s
            verdict = self.look(kind)
            if not verdict.again_s:
                return verdict, at_s - began_s
        raise AssertionError(f"{kind} is not settled after {most} looks")


@pytest.fixture
def looks(tmp_path: Path) -> Looks:
    return Looks(tmp_path)


def test_a_good_camera_is_good_and_needs_one_look(looks: Looks) -> None:
    for _ in range(LEARN + 5):
        assert looks.look("street") == Verdict(True, ())


@pytest.mark.parametrize("kind", SIGNS)
def test_what_is_wrong_is_said_at_the_second_look_and_within_30_s(looks: Looks, kind: str) -> None:
    for _ in range(3):
        looks.look("street")
    first = looks.look(kind)
    assert first.flags == (), "one look says nothing: a lorry may stand before it"
    assert 0 < first.again_s < 30
    assert not first.patient
    assert looks.look(kind).flags == (SIGNS[kind],)
    assert looks.until_settled("street")[0].flags == ()


@pytest.mark.parametrize("kind", SIGNS)
def test_what_passes_by_is_never_said(looks: Looks, kind: str) -> None:
    looks.look("street")
    assert looks.look(kind).flags == ()
    for _ in range(4):
        assert looks.look("street").flags == ()


@pytest.mark.parametrize("kind", ["turned", "blurred"])
def test_the_reference_outlives_the_probe(looks: Looks, kind: str) -> None:
    looks.look("street")
    looks.restart()
    assert looks.until_settled(kind)[0].flags == (SIGNS[kind],)


def test_a_covered_view_never_becomes_a_reference(looks: Looks) -> None:
    """The first that is ever seen of a camera; nobody can know that it is covered, but then it must not be believed."""
    looks.look("covered")
    assert all(looks.judge.references.of(light) is None for light in Light)


def test_another_address_is_another_view(looks: Looks) -> None:
    looks.look("street")
    looks.restart("rtsp://another/1")
    assert looks.until_settled("turned")[0].flags == ()


def test_a_damaged_reference_is_learnt_anew(looks: Looks, expect_logs: ExpectLogs) -> None:
    looks.look("street")
    (path,) = looks.folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:200])
    looks.restart()
    expect_logs("learnt anew")
    assert looks.until_settled("turned")[0].flags == ()


def test_the_same_key_frame_in_two_openings_is_frozen_only_if_it_is_the_same_within_one(looks: Looks) -> None:
    looks.look("frozen")
    second = looks.look("frozen")
    assert second.flags == ()
    assert second.again_s > 0
    assert second.patient  # it takes seconds, and is no cover
    assert looks.judge.keys == 2
    assert looks.look("frozen").flags == (PictureFlag.FROZEN,)
    assert looks.until_settled("street")[0].flags == ()
    assert looks.judge.keys == 1


def test_a_clip_that_begins_anew_at_each_opening_is_not_frozen(looks: Looks) -> None:
    for _ in range(3):
        looks.variant = 10
        looks.look("frozen")
        if looks.judge.keys == 2:
            looks.variant = 9
            assert looks.look("street").flags == ()


def test_dead_is_said_at_the_second_failure_some_seconds_later(looks: Looks) -> None:
    looks.look("street")
    now_ns = int(looks.now_s * S)
    first = looks.judge.failed(now_ns)
    assert first.online is None
    assert first.again_s >= 5
    assert looks.judge.failed(now_ns + int(first.again_s * S)) == Verdict(False, ())


def test_a_failure_between_two_good_looks_is_forgotten(looks: Looks) -> None:
    for _ in range(3):
        looks.look("street")
        assert looks.judge.failed(int(looks.now_s * S)).online is None
        looks.now_s += 6


def test_a_refused_password_is_said_at_once_and_not_tried_again_soon(looks: Looks) -> None:
    assert looks.judge.failed(int(looks.now_s * S), at_once=True) == Verdict(False, (), 0.0)


def test_no_key_frame_in_time_is_no_death_and_says_nothing_of_the_picture(looks: Looks) -> None:
    assert looks.judge.saw(Sight(), 1) == Verdict(True, None)
