"""What a camera tile says of its picture beside its state: health flags, figures; and that nothing of it is cut."""

from __future__ import annotations

import msgspec
import pytest
from helpers.camera_wall import camera_tile, street_session
from helpers.sample_city import SCALES, SampleSession, prepare
from helpers.street import street_picture
from helpers.text_rules import below_floor, cut, overlapping
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from backends.domain.camera import PictureState, PictureStatus
from backends.domain.picture import Decoding, PictureFlag, Raised
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from layouts.options import CameraOptions
from widgets.hands import Ask
from widgets.i18n import Language, tr
from widgets.parts import text
from widgets.parts.camera_details import PaintedRate, detail_lines
from widgets.parts.camera_flags import FlagSaid, flags_said, sayings
from widgets.tiles.camera import CameraTile

LIVE, SLOW = PictureState.LIVE, PictureState.SLOW


@pytest.fixture
def sample(qapp: QApplication) -> SampleSession:
    return street_session(qapp)


def tile_of(qtbot: QtBot, sample: SampleSession, number: str = "014", size: tuple[int, int] = (480, 270)) -> CameraTile:
    return camera_tile(qtbot, sample, CameraOptions(camera=number), size)


def status_of(
    sample: SampleSession, *raised: tuple[PictureFlag, float], state: PictureState = LIVE, age_s: float = 0.0
) -> PictureStatus:
    """`raised`: flags with the seconds that they have been up."""
    now_s = sample.session.mono.monotonic_s()
    return PictureStatus(
        state, age_s=age_s, received=900, fps=24.8, bits_per_s=1_930_000, reconnects=2, bad=3, torn=1,
        raised=tuple(Raised(flag, int((now_s - s) * NS_PER_S)) for flag, s in raised),
    )  # fmt: skip


def show(tile: CameraTile, sample: SampleSession, status: PictureStatus, number: str = "014") -> str:
    sample.pictures.set_status(f"cam-{number}", status)
    for _ in range(6):
        sample.session.demands.flush()
        tile.on_picture_pass()
    with text.recording() as log:
        tile.grab()
    return " | ".join(item.text for item in log.items)


@pytest.mark.parametrize("state", [LIVE, SLOW])
@pytest.mark.parametrize(("flag", "words"), [(PictureFlag.FROZEN, "ĐỨNG HÌNH"), (PictureFlag.REPEATING, "LẶP HÌNH")])
def test_an_old_picture_that_keeps_coming_never_looks_live(
    qtbot: QtBot, sample: SampleSession, flag: PictureFlag, words: str, state: PictureState
) -> None:
    tile = tile_of(qtbot, sample)
    show(tile, sample, status_of(sample))
    live = tile.grab().toImage().pixelColor(240, 40).lightness()
    said = show(tile, sample, status_of(sample, (flag, 40), state=state, age_s=2.1 if state is SLOW else 0.0))
    assert f"{words} | 00:40" in said
    assert tile.grab().toImage().pixelColor(240, 40).lightness() < live * 0.75


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        (PictureFlag.BLACK, "hình đen 01:10"),
        (PictureFlag.COVERED, "bị che 01:10"),
        (PictureFlag.TURNED, "lệch hướng 01:10"),
        (PictureFlag.BLURRED, "mất nét 01:10"),
        (PictureFlag.BEHIND, "hình trễ 01:10"),
    ],
)
def test_milder_flags_stand_beside_the_name(qtbot: QtBot, sample: SampleSession, flag: PictureFlag, words: str) -> None:
    tile = tile_of(qtbot, sample)
    show(tile, sample, status_of(sample))
    live = tile.grab().toImage().pixelColor(240, 40)
    assert words in show(tile, sample, status_of(sample, (flag, 70))).split(" | ")
    assert tile.grab().toImage().pixelColor(240, 40) == live


def test_the_most_urgent_is_said_first_and_the_rest_as_far_as_there_is_room(
    qtbot: QtBot, sample: SampleSession
) -> None:
    tile = tile_of(qtbot, sample, size=(700, 300))
    flags = status_of(sample, (PictureFlag.BLURRED, 5), (PictureFlag.COVERED, 61))
    assert "bị che 01:01 · mất nét" in show(tile, sample, flags)
    tile.resize(130, 90)
    assert "bị che" in show(tile, sample, flags).split(" | ")
    grave = status_of(sample, (PictureFlag.COVERED, 61), (PictureFlag.FROZEN, 12))
    tile.resize(700, 300)
    said = show(tile, sample, grave)
    assert said.index("ĐỨNG HÌNH") < said.index("bị che 01:01")


@pytest.mark.parametrize(
    "state", [PictureState.LOST, PictureState.CONNECTING, PictureState.WAITING_KEY, PictureState.REFUSED]
)
def test_without_a_picture_no_flag_is_said(sample: SampleSession, state: PictureState) -> None:
    assert flags_said(status_of(sample, (PictureFlag.FROZEN, 9), state=state), sample.session.mono.monotonic_s()) == ()


def test_the_age_of_a_flag_goes_on_without_a_new_picture(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    status = status_of(sample, (PictureFlag.FROZEN, 40))
    assert "00:40" in show(tile, sample, status)
    sample.clock.advance_s(5)
    assert "00:45" in show(tile, sample, status)


@pytest.mark.usefixtures("sample")
def test_sayings_are_shorter_and_shorter() -> None:
    flags = (FlagSaid(PictureFlag.FROZEN, 3), FlagSaid(PictureFlag.COVERED, 70), FlagSaid(PictureFlag.TURNED, 1))
    assert len(sayings(flags)) == 3
    assert sorted(sayings(flags), key=len, reverse=True) == list(sayings(flags))
    assert sayings(flags[:1]) == ()


def test_figures_are_shown_on_demand_and_only_where_they_are_known(qtbot: QtBot, sample: SampleSession) -> None:
    tile = tile_of(qtbot, sample)
    sample.pictures.sizes["cam-014"] = (640, 360)
    assert "640x360" not in show(tile, sample, status_of(sample))
    tile.act(Ask.DETAILS)
    for n in range(75):  # three seconds of 25 pictures each
        sample.pictures.show("cam-014", street_picture(96, 54, seed=n % 3))
        sample.clock.advance_s(0.04)
        tile.on_picture_pass()
        tile.grab()
    tile.on_second()
    said = show(tile, sample, status_of(sample, age_s=0.04))
    tile.on_second()
    said = show(tile, sample, status_of(sample, age_s=0.04))
    for value in ("25,0 hình/s", "24,8 hình/s", "1,9 Mbit/s", "40 ms", "640x360", "luồng phụ", "3 · 1", "2"):
        assert value in said.split(" | "), value
    sample.pictures.sizes.clear()
    sample.pictures.set_status("cam-014", PictureStatus(PictureState.CONNECTING))
    tile.on_second()
    with text.recording() as log:
        tile.grab()
    said = [item.text for item in log.items]
    assert tr("camera_details.bitrate") not in said
    assert tr("camera_details.size") not in said
    tile.act(Ask.DETAILS)
    with text.recording() as log:
        tile.grab()
    assert tr("camera_details.presented") not in [item.text for item in log.items]


@pytest.mark.parametrize(
    ("decoding", "device", "vi", "en"),
    [
        (Decoding.DEVICE, "cuda", "phần cứng: cuda", "hw: cuda"),
        (Decoding.ABSENT, "vaapi", "phần mềm (không có vaapi)", "sw (no vaapi here)"),
        (Decoding.ABSENT, "", "phần mềm (không có thiết bị)", "sw (no device here)"),
        (Decoding.REFUSED, "cuda", "phần mềm (cuda từ chối)", "sw (cuda refuses)"),
        (Decoding.FAILED, "cuda", "phần mềm (cuda bị lỗi)", "sw (cuda failed)"),
        (Decoding.OTHER, "", "phần mềm (chuẩn nén khác)", "sw (another codec)"),
    ],
)
@pytest.mark.parametrize("language", list(Language))
def test_what_decodes_is_said_where_a_device_was_asked_for(
    qapp: QApplication, language: Language, decoding: Decoding, device: str, vi: str, en: str
) -> None:
    prepare(qapp, language)
    lines = dict(detail_lines(None, PictureStatus(LIVE, decoding=decoding, device=device), 25.0, (640, 360)))
    assert lines[tr("camera_details.decoding")] == {"vi": vi, "en": en}[language.value]
    lines = dict(detail_lines(None, PictureStatus(LIVE), 25.0, (640, 360)))
    assert tr("camera_details.decoding") not in lines


def test_the_rate_counts_what_was_painted() -> None:
    rate = PaintedRate()
    for n in range(100):
        rate.count(n * 0.04)
    assert rate.per_second(99 * 0.04) == pytest.approx(25.0, abs=0.4)
    assert rate.per_second(60.0) == 0.0


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("panel", ["desk", "wall"])
@pytest.mark.parametrize("size", [(480, 270), (310, 175), (1900, 1000)])
@pytest.mark.parametrize("flag", [PictureFlag.FROZEN, PictureFlag.REPEATING, PictureFlag.TURNED])
def test_no_word_is_cut_too_small_or_over_another(
    qtbot: QtBot, qapp: QApplication, sample: SampleSession, language: Language, panel: str, size: tuple[int, int],
    flag: PictureFlag,
) -> None:  # fmt: skip
    """With all at once: an alarm's flag, a health flag, figures, a zoom, a tile's number, a camera put by hand."""
    prepare(qapp, language)
    tile = CameraTile(sample.session, SCALES[panel], CameraOptions(camera="014"))
    qtbot.addWidget(tile)
    tile.resize(*size)
    tile.set_place("0.3", "12")
    tile.show()
    sample.session.hands.put(tile.place, "cam-033", "cam-014")
    sample.session.hands.choose(tile.place)
    sample.session.hands.show_numbers(True)
    tile.act(Ask.DETAILS)
    tile.act(Ask.NEARER)
    status = msgspec.structs.replace(status_of(sample, (flag, 3700)), decoding=Decoding.OTHER, device="d3d11va")
    sample.pictures.set_status("cam-033", status)
    for _ in range(6):
        sample.session.demands.flush()
        tile.on_picture_pass()
    tile.on_second()
    with text.recording() as log:
        tile.grab()
    assert not below_floor(log, SCALES[panel].floor)
    assert not overlapping(log)
    name = tile.camera.name.get(language.value) if tile.camera else ""
    assert [item for item in cut(log) if name not in str(item)] == []
    start = tr(f"picture.{flag}")[:4].casefold()
    assert any(item.text == "1:01:40" or start in item.text.casefold() for item in log.items)


@pytest.mark.parametrize(
    ("size", "status", "whole"),
    [
        ((620, 310), {}, False),  # the 36th part of a 4K panel: a third of it would be the stump of a name
        ((620, 700), {}, True),
        ((1200, 310), {}, True),
        ((620, 310), {"state": SLOW, "age_s": 2.0}, True),
    ],
)
def test_a_small_calm_picture_on_a_wall_has_its_number_alone(
    qtbot: QtBot, sample: SampleSession, size: tuple[int, int], status: dict[str, object], whole: bool
) -> None:
    camera = sample.city.records("cameras")["cam-014"]
    name = LocalText("Ngã tư Hùng Vương – Lê Duẩn")
    sample.put("cameras", msgspec.structs.replace(camera, name=name))
    tile = camera_tile(qtbot, sample, CameraOptions(camera="014"), size, "wall4k")
    said = show(tile, sample, status_of(sample, **status))  # type: ignore[arg-type]  # its own keywords
    assert "014" in said
    caption = tile._overlay.parts[0]
    assert (caption.width() > size[0] * 0.9) is whole
    assert ("Ngã tư" in said) is (whole and not status)
