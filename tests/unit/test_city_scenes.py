"""The drawn scenes: same number, same picture; a loop without a seam; a label that tells no wrong time."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from backends.city import scene_film, scenes
from backends.city.cameras import eye, scene_kind
from backends.city.scene_film import FRAMES, STRIP, Film, still
from backends.city.scene_places import PLACES
from backends.city.scene_stage import HEIGHT, WEATHERS, WIDTH
from backends.process import start_child, stop_child

Grey = npt.NDArray[np.int16]


def luma(film: Film, index: int) -> Grey:
    return film.frame(index)[:HEIGHT].astype(np.int16)


def distance(a: Grey, b: Grey) -> float:
    """Mean difference below the label, in grey levels."""
    return float(np.abs(a[STRIP:] - b[STRIP:]).mean())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scenes.ensure_number(tmp_path_factory.mktemp("clips"), "014")


@pytest.fixture(scope="module")
def decoded(clip: Path) -> list[Grey]:
    """Every 25th picture, and the last one."""
    with av.open(str(clip)) as container:
        pictures = [f.to_ndarray(format="gray").astype(np.int16) for f in container.decode(video=0)]
    assert len(pictures) == FRAMES
    return [*pictures[::25], pictures[-1]]


@pytest.mark.parametrize("kind", sorted(PLACES))
def test_every_place_paints_a_picture_with_depth(kind: str) -> None:
    picture = still("200", "Kiệt 9 Lê Lợi", kind, "day")
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture[STRIP:].std() > 12
    assert len(np.unique(picture.reshape(-1, 3) // 16, axis=0)) > 60


def test_weathers_differ_and_darkness_is_darker() -> None:
    bright = {w: float(still("047", "QL9", "street", w)[STRIP:].mean()) for w in WEATHERS}
    assert len({round(b) for b in bright.values()}) >= 5
    assert bright["night"] < bright["dusk"] < bright["day"]
    assert bright["flood-night"] < bright["flood"]


def test_the_same_number_gives_the_same_scene() -> None:
    first, again = luma(Film("071", "A", "river", "day"), 100).copy(), luma(Film("071", "A", "river", "day"), 100)
    other = luma(Film("074", "A", "river", "day"), 100)
    assert np.array_equal(first, again)
    assert distance(first, other) > 3


@pytest.mark.parametrize(("kind", "weather"), [("junction", "day"), ("river", "day"), ("market", "flood-night")])
def test_the_loop_has_no_seam(kind: str, weather: str) -> None:
    film = Film("033", "A", kind, weather)
    nearby = [luma(film, i).copy() for i in range(8)]
    last, middle = luma(film, FRAMES - 1).copy(), luma(film, FRAMES // 2).copy()
    # Noise and waves are held for some pictures, so a usual step is the largest of several.
    usual = max(distance(a, b) for a, b in itertools.pairwise(nearby))
    assert distance(last, nearby[0]) < 1.3 * usual + 0.2
    assert distance(middle, nearby[0]) > 0.9 * distance(last, nearby[0])


def test_the_clip_moves_and_joins_its_beginning(decoded: list[Grey]) -> None:
    seconds, last = decoded[:-1], decoded[-1]
    for a, b in itertools.pairwise(seconds):
        assert np.abs(a[STRIP:] - b[STRIP:]).max() > 40
    far_apart = np.median([distance(seconds[0], s) for s in seconds[5:25]])
    assert distance(seconds[0], last) < far_apart


def test_the_label_names_the_camera_and_the_position_in_the_loop(decoded: list[Grey]) -> None:
    name, clock = decoded[3][2:18, 8:150], [s[2:20, WIDTH - 118 : WIDTH - 8] for s in decoded[:-1]]
    assert (name > 150).sum() > 100
    expected = scene_film._clock_pool()
    for second, seen in enumerate(clock):
        sheet = expected[second].astype(np.int16)
        scores = []
        for other in expected:
            wide = other.shape[1]
            scores.append(
                np.abs(seen[1 : 1 + other.shape[0], -wide:] - other.astype(np.int16)[: seen.shape[0] - 1]).mean()
            )
        assert int(np.argmin(scores)) == second
        assert (sheet > 120).any()


def test_vietnamese_letters_are_written() -> None:
    """Stacked marks make the letter taller than the plain one; a missing letter would be a box."""
    plain, marked = scene_film._written("Keu", 13), scene_film._written("Kểữ", 13)
    assert (marked > 128).any(axis=1).sum() > (plain > 128).any(axis=1).sum()
    boxes = scene_film._written("\U000f0000\U000f0000", 13)
    assert not np.array_equal(scene_film._written("ểữ", 13), boxes)


def test_the_clip_has_a_key_frame_every_two_seconds_and_no_b_frames(clip: Path) -> None:
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.width, stream.codec_context.height) == (WIDTH, HEIGHT)
        packets = [p for p in container.demux(stream) if p.pts is not None]
        keys = [float(p.pts * p.time_base) for p in packets if p.is_keyframe]
        assert [p.pts for p in packets] == [p.dts for p in packets]
    assert keys == pytest.approx([2.0 * i for i in range(15)])
    assert 100_000 < clip.stat().st_size < 6_000_000


def test_a_clip_is_made_once_and_only_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def record(path: Path, film: Film, *, halting: bool = False) -> str:
        made.append(path.name)
        path.write_bytes(b"clip")
        return "none"

    monkeypatch.setattr(scenes, "encode", record)
    first = scenes.ensure_clip(tmp_path / "new", "085", "Trần Hưng Đạo", "street", "night")
    assert first == scenes.clip_path(tmp_path / "new", "085", "night")
    assert scenes.ensure_clip(tmp_path / "new", "085", "Trần Hưng Đạo", "street", "night") == first
    assert len(made) == 1
    assert list(first.parent.iterdir()) == [first]

    def fail(path: Path, film: Film, *, halting: bool = False) -> str:
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(scenes, "encode", fail)
    with pytest.raises(OSError, match="disk full"):
        scenes.ensure_clip(tmp_path / "new", "086", "A", "street", "day")
    assert list(first.parent.iterdir()) == [first]
    with pytest.raises(ValueError, match="unknown weather"):
        scenes.clip_path(tmp_path, "001", "snow")


def test_a_halting_camera_leaves_gaps_of_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = Film("085", "A", "alley", "day")
    monkeypatch.setattr(scene_film, "FRAMES", 250)
    path = tmp_path / "halting.mp4"
    scene_film.encode(path, film, halting=True)
    with av.open(str(path)) as container:
        times = [float(p.pts * p.time_base) for p in container.demux(video=0) if p.pts is not None]
    gaps = [b - a for a, b in itertools.pairwise(times)]
    assert sum(g > 2.0 for g in gaps) == 1
    assert max(gaps) < 3.0


def test_the_child_process_makes_the_clips_in_order(tmp_path: Path) -> None:
    child = start_child("backends.city.scenes", {"folder": str(tmp_path), "cameras": ["245"], "weather": "day"})
    try:
        assert child.wait(60) == 0
    finally:
        stop_child(child)
    assert [p.name for p in tmp_path.iterdir()] == [scenes.clip_path(tmp_path, "245").name]


def test_stills_are_a_picture_of_the_same_scene(tmp_path: Path) -> None:
    child = start_child(
        "backends.city.scenes", {"folder": str(tmp_path), "cameras": ["245"], "weather": "day", "stills": True}
    )
    try:
        assert child.wait(60) == 0
    finally:
        stop_child(child)
    path = scenes.still_path(tmp_path, "245")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    drawn = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    film = Film("245", eye("245").name.vi, scene_kind("245"), "day")
    assert drawn is not None
    assert np.abs(drawn.astype(int) - film.frame(300)[: drawn.shape[0]]).mean() < 8


def test_another_encoder_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = scene_film._ENCODERS[-1]
    monkeypatch.setattr(scene_film, "_ENCODERS", (("no-such-encoder", {}), last))
    monkeypatch.setattr(scene_film, "FRAMES", 60)
    path = tmp_path / "clip.mp4"
    assert scene_film.encode(path, Film("014", "A", "alley", "day")) == last[0] == "mpeg4"
    with av.open(str(path)) as container:
        assert len(list(container.decode(video=0))) == 60


def test_without_any_encoder_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_film, "_ENCODERS", (("no-such-encoder", {}),))
    with pytest.raises(RuntimeError, match="no encoder"):
        scene_film.encode(tmp_path / "clip.mp4", Film("014", "A", "alley", "day"))
