"""Truth on the picture: each flag is raised by what it names, in time, and by nothing else in an hour of weather.

Time is passed in: hours take seconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from helpers.encoded import coded
from helpers.watching import (
    START_NS,
    STEPS,
    Planes,
    S,
    Watch,
    both,
    film,
    looks,
    noisy,
    per_second,
    shot,
    small,
    with_clock,
)

from backends.city.scene_film import HEIGHT, WIDTH
from backends.domain.picture import FLAGS, Light, PictureFlag, Raised, bits_of, flags_of
from backends.video import health, stillness, viewing
from backends.video.health import Health
from backends.video.looks import COLUMNS, ROWS, View, sample_of, view_of
from backends.video.source import Address
from backends.video.sources import testcard
from backends.video.stillness import FROZEN_BITS_NS, FROZEN_NS
from backends.video.viewing import HOLD_NS, LEARN_LOOKS, Reference

PLACES = ("alley", "bridge", "gate", "junction", "market", "river", "street")
LENSES = ("junction", "gate", "river")
"""Those that every run of the tests looks at; a film takes a second to draw."""

# Frozen


@pytest.mark.parametrize("clock", [False, True], ids=["bare", "with a clock"])
@pytest.mark.parametrize("weather", ["day", "night"])
def test_a_dead_sensor_is_frozen_within_12_s(weather: str, clock: bool) -> None:
    """It dies 0.5 s after a key frame; key frames 2 s apart."""
    fps = 12
    alive = list(noisy(film(weather=weather)[3], 1.5, 4 * fps + fps // 2))
    frames: Iterable[Planes] = [*alive, *[alive[-1]] * (13 * fps)]
    watch = Watch()
    watch.show(coded(with_clock(frames, fps) if clock else frames, fps=fps, key_every=2 * fps), fps)
    died_ns = START_NS + len(alive) * S // fps
    assert set(watch.seen) == {PictureFlag.FROZEN}
    assert watch.seen[PictureFlag.FROZEN] - watch.since[PictureFlag.FROZEN] >= FROZEN_NS
    assert FROZEN_BITS_NS / S <= watch.after_s(PictureFlag.FROZEN, died_ns) <= 12.0


def test_a_moving_picture_that_stops_is_frozen_10_s_later() -> None:
    """All bits stay: a recorder's still. It has stood since it stopped, not since the last key frame."""
    frames = [sample for sample, _ in looks("junction", "day")]
    watch = Watch()
    for number in range(25 * STEPS):
        moving = frames[number * 7 % len(frames)] if number < 11 * STEPS + 3 else frames[9]
        watch.look(moving, None, key=number % (2 * STEPS) == 0)
    stopped_ns = START_NS + (11 * STEPS + 3) * S // STEPS
    assert watch.since[PictureFlag.FROZEN] == stopped_ns
    assert watch.after_s(PictureFlag.FROZEN, stopped_ns) == FROZEN_NS / S


@pytest.mark.parametrize(("sigma", "crf"), [(0.3, 42), (1.0, 36), (1.6, 29)])
def test_a_quiet_encoder_is_not_frozen(sigma: float, crf: int) -> None:
    """Hardly any noise, coarse quality: nearly all between key frames is skipped, but the key frames differ."""
    watch = Watch()
    frames = list(coded(noisy(film(weather="night")[3], sigma, 14 * 6), crf=crf))
    watch.show(frames, 6)
    assert not watch.seen
    if crf == 42:
        samples = [sample_of(frame) for frame in frames if not frame.key_frame]
        same = [np.array_equal(a, b) for a, b in itertools.pairwise(samples) if a is not None]
        assert any(same), "the test shows nothing unless the encoder skips"


def test_two_key_frames_are_needed() -> None:
    """20 s between key frames: what stands still between two of them may be an encoder that saves."""
    sample, view = looks("junction", "day")[3]
    watch = Watch()
    for number in range(19 * STEPS):
        watch.look(sample, view, key=number == 0)
    assert not watch.seen
    for number in range(20 * STEPS):
        watch.look(sample, view, key=number % (20 * STEPS) == STEPS)
    assert set(watch.seen) == {PictureFlag.FROZEN}


def test_a_frozen_picture_that_moves_again_is_taken_back() -> None:
    sample, view = looks("junction", "day")[3]
    watch = Watch()
    for _ in range(11 * STEPS):
        watch.look(sample, view)
    assert watch.flags == {PictureFlag.FROZEN}
    watch.look(*looks("junction", "day")[20])
    assert not watch.flags


def test_a_picture_without_structure_is_not_called_frozen() -> None:
    """Every encoder makes a wall in the dark the same; that it is black is another flag."""
    grey = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    watch = Watch()
    watch.show((shot(grey) for _ in range(15 * STEPS)), STEPS)
    assert PictureFlag.FROZEN not in watch.seen


# Repeating


def loop(seconds: float, rounds: float, fps: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Samples of moving film with sensor noise; then again and again the same."""
    rng = np.random.default_rng(3)
    found = [sample for sample, _ in looks("junction", "day")]
    once = [
        np.clip(found[i % len(found)] + rng.normal(0, 2, (ROWS, COLUMNS)), 0, 255).astype(np.uint8)
        for i in range(round(seconds * fps))
    ]
    for i in range(round(len(once) * rounds)):
        yield once[i % len(once)]


@pytest.mark.parametrize("seconds", [1.0, 2.0, 4.8, 10.0])
def test_a_loop_is_seen_after_three_rounds_within_35_s(seconds: float) -> None:
    """Key frames as far apart as the loop is long, at worst: they are all the same, and it is not frozen."""
    watch = Watch()
    key_every = round(min(2.0, seconds) * 25)
    for number, sample in enumerate(loop(seconds, 38 / seconds, 25)):
        watch.look(sample, None, key=number % key_every == 0, step_ns=S // 25)
    assert set(watch.seen) == {PictureFlag.REPEATING}
    assert 3 * seconds - 0.1 <= watch.after_s(PictureFlag.REPEATING) <= 35.0
    assert abs(watch.since[PictureFlag.REPEATING] - START_NS) <= S // 5


def test_frames_that_are_lost_hide_no_loop() -> None:
    """Every 40th is lost on the way, another one in each round."""
    watch = Watch()
    for number, sample in enumerate(loop(9.0, 5, 25)):
        if number % 40 != 7:
            watch.look(sample, None, key=number % 50 == 0, step_ns=0)
        watch.now_ns += S // 25
    assert set(watch.seen) == {PictureFlag.REPEATING}
    assert watch.after_s(PictureFlag.REPEATING) <= 35.0


@pytest.mark.parametrize(("seconds", "rounds"), [(10.0, 2.9), (12.0, 4.0)], ids=["not yet three", "too long"])
def test_what_is_no_loop_by_its_definition(seconds: float, rounds: float) -> None:
    watch = Watch()
    for sample in loop(seconds, rounds, 25):
        watch.look(sample, None, key=False, step_ns=S // 25)
    assert not watch.seen


def test_a_loop_through_a_real_decoder() -> None:
    """A recorded round of 6 s, played again and again; then the camera lives again."""
    frames = [both(f) for f in coded(film()[: 6 * STEPS], fps=STEPS, key_every=2 * STEPS)]
    watch = Watch()
    for _ in range(4):
        for sample, view in frames:
            watch.look(sample, view, key=False)
    assert set(watch.seen) == {PictureFlag.REPEATING}
    for sample, view in looks("junction", "day")[6 * STEPS : 8 * STEPS]:
        watch.look(sample, view, key=False)
    assert not watch.flags


# The view


def taught(kind: str = "junction", weather: str = "day") -> Watch:
    """It knows the view."""
    watch = Watch()
    watch.watch(per_second(kind, weather)[:LEARN_LOOKS])
    assert watch.health.learnt is not None
    assert not watch.seen
    return watch


def drawn(view: View, change: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]) -> View:
    """`change` of its pixels, and what a sensor adds."""
    grain = np.random.default_rng(int(view.grey.sum())).normal(0, 0.6, view.grey.shape)
    return View(np.clip(change(view.grey.astype(np.float32)) + grain, 0, 255).astype(np.uint8), view.colour)


def hand(_: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Lit from above."""
    return np.repeat(np.linspace(95, 45, 90, dtype=np.float32)[:, None], 160, axis=1)


def fog(share: float) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """`share`: of the contrast that is left at the lower edge; there is less of it the further away."""

    def change(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        left = share * np.linspace(0.15, 1.0, 90, dtype=np.float32)[:, None]
        return grey * left + 185 * (1 - left)

    return change


def soft(sigma: float) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    return lambda grey: np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), np.float32)


def test_black_is_said_after_5_s_whatever_the_caption() -> None:
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT] = 16
    watch = Watch()
    watch.watch(small(p) for p in with_clock(noisy(planes, 1.5, 8), 1))
    assert set(watch.seen) == {PictureFlag.BLACK}
    assert watch.after_s(PictureFlag.BLACK) == HOLD_NS[PictureFlag.BLACK] / S
    assert watch.since[PictureFlag.BLACK] == START_NS


def test_a_night_with_one_lamp_is_not_black() -> None:
    planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    planes[:HEIGHT] = 16
    cv2.circle(planes[:HEIGHT], (400, 160), 60, 190, -1)
    watch = Watch()
    watch.watch(small(p) for p in noisy(planes, 1.5, 30))
    assert not watch.seen


@pytest.mark.parametrize(
    ("flag", "change"),
    [(PictureFlag.COVERED, hand), (PictureFlag.BLURRED, soft(2.0)), (PictureFlag.BLURRED, soft(4.0))],
    ids=["a hand", "out of focus", "far out of focus"],
)
@pytest.mark.parametrize("weather", ["day", "night"])
@pytest.mark.parametrize("kind", LENSES)
def test_what_is_wrong_with_the_lens_is_named(
    kind: str, weather: str, flag: PictureFlag, change: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
) -> None:
    watch = taught(kind, weather)
    wrong_ns = watch.now_ns
    watch.watch(drawn(view, change) for view in per_second(kind, weather))
    assert set(watch.seen) == {flag}
    assert watch.since[flag] == wrong_ns
    watch.watch(per_second(kind, weather)[:5])
    assert not watch.flags


@pytest.mark.parametrize(("kind", "other"), [("junction", "market"), ("gate", "junction"), ("river", "alley")])
def test_a_camera_that_looks_elsewhere_is_turned(kind: str, other: str) -> None:
    watch = taught(kind)
    turned_ns = watch.now_ns
    watch.watch(per_second(other)[:25])
    assert set(watch.seen) == {PictureFlag.TURNED}
    assert watch.after_s(PictureFlag.TURNED, turned_ns) == HOLD_NS[PictureFlag.TURNED] / S
    watch.watch(per_second(kind)[:5])
    assert not watch.flags


def test_a_turn_on_the_same_place_is_seen_and_a_mast_may_sway() -> None:
    """A quarter of the picture, against a few pixels."""
    swaying = taught()
    swaying.watch(drawn(v, lambda g, k=k: np.roll(g, k % 7 - 3, axis=1)) for k, v in enumerate(per_second()))  # type: ignore[misc]  # bound as a default
    assert not swaying.seen
    turned = taught()
    turned.watch(drawn(v, lambda g: np.roll(g[:, ::-1], 50, axis=1)) for v in per_second())
    assert set(turned.seen) == {PictureFlag.TURNED}


def test_what_passes_is_no_cover() -> None:
    """A lorry stands before the lens for 8 s, now and again."""
    watch = taught()
    for _ in range(5):
        watch.watch(drawn(v, hand) for v in per_second()[:8])
        watch.watch(per_second()[:4])
    assert not watch.seen


def reference_of(kind: str, preset: str = "") -> Reference:
    watch = Watch()
    watch.watch(per_second(kind), preset=preset)
    assert watch.health.learnt is not None
    return watch.health.learnt


def test_a_given_reference_counts_from_the_first_view() -> None:
    """It was turned before anybody looked."""
    watch = Watch(Health([reference_of("junction")]))
    watch.watch(per_second("market")[:25])
    assert set(watch.seen) == {PictureFlag.TURNED}
    alone = Watch()
    alone.watch(per_second("market")[:25])
    assert not alone.seen


def test_a_movable_camera_has_a_view_for_each_preset() -> None:
    watch = Watch(Health([reference_of("junction", "1"), reference_of("market", "2")]))
    watch.watch(per_second("junction"), preset="1")
    watch.watch(per_second("market"), preset="2")
    assert not watch.seen
    watch.watch(per_second("market"), preset="1")
    assert set(watch.seen) == {PictureFlag.TURNED}


def test_nothing_is_turned_while_somebody_moves_it() -> None:
    watch = Watch(Health([reference_of("junction")]))
    watch.watch(per_second("market"), moving=True)
    watch.watch(per_second("market")[:20])
    assert not watch.seen, "the time begins when it stands still"
    watch.watch(per_second("market")[20:])
    assert set(watch.seen) == {PictureFlag.TURNED}


def test_the_light_has_its_own_view() -> None:
    """Night falls, and the filter swings away: neither is compared with the day."""
    watch = taught()
    watch.watch(per_second(weather="night"))
    grey = [View(v.grey, 0.2) for v in per_second(weather="night")]
    watch.watch(grey + grey)
    assert not watch.seen
    assert watch.health.learnt is not None
    assert watch.health.learnt.light is Light.INFRARED


def test_a_gap_between_views_proves_nothing() -> None:
    watch = taught()
    covered = [drawn(v, hand) for v in per_second()]
    for view in covered[:8]:
        watch.watch([view])
        watch.now_ns += 6 * S
    assert not watch.seen


# Behind


def test_a_picture_that_is_behind_the_cameras_clock() -> None:
    check = Health()
    for tenth in range(60):
        check.lag.step(captured_ns=tenth * S // 10, received_ns=tenth * S // 10 + S // 4, now_ns=tenth * S // 10)
    assert not check.raised
    for tenth in range(60, 140):
        check.lag.step(captured_ns=tenth * S // 10, received_ns=tenth * S // 10 + 2_400_000_000, now_ns=tenth * S // 10)
    assert [r.flag for r in check.raised] == [PictureFlag.BEHIND]
    assert check.view(None, 14 * S), "a change is told with the next view"
    assert not check.view(None, 15 * S)
    assert check.lag.lag_ns == 2_400_000_000
    assert 6 * S <= check.raised[0].since_ns <= 8 * S
    check.lag.forget()
    assert not check.raised


def test_one_late_frame_is_not_behind() -> None:
    check = Health()
    for tenth in range(100):
        late = 4 * S if tenth % 20 == 0 else S // 4
        check.lag.step(captured_ns=0, received_ns=late, now_ns=tenth * S // 10)
        assert not check.raised


# An hour of everything


HOUR_STEPS = 4
HOUR, WHILE = 3600, 900
"""What `make soak` looks at, and what every run of the tests does."""


def living(
    kind: str, weather: str, sigma: float, change: Callable[[int], float] | None = None, seconds: int = HOUR
) -> Watch:
    """`seconds` of it, `sigma` of noise on every frame; `change`: seconds -> contrast that fog leaves."""
    rng = np.random.default_rng(11)
    material = looks(kind, weather)
    grains = rng.normal(0, sigma, (97, ROWS, COLUMNS)).astype(np.float32)
    watch = Watch()
    for number in range(seconds * HOUR_STEPS):
        second, part = divmod(number, HOUR_STEPS)
        sample, view = material[(second * STEPS + part) % len(material)]
        grain = np.roll(grains[number % 97], int(rng.integers(COLUMNS)), axis=1)
        noised = np.clip(sample + grain, 0, 255).astype(np.uint8)
        if part == 0 and change is not None:
            view = drawn(view, fog(change(second)))
        watch.look(noised, view, key=number % (2 * HOUR_STEPS) == 0, step_ns=S // HOUR_STEPS)
    return watch


def thickening(second: int) -> float:
    """Fog comes, stays, and goes."""
    return 1.0 - 0.92 * float(np.sin(np.pi * second / 3600))


SCENES = {
    "busy": ("street", "day", 1.6, None),
    "quiet": ("gate", "day", 0.7, None),
    "flood": ("bridge", "flood", 2.0, None),
    "rain": ("market", "rain", 2.0, None),
    "rain at night": ("junction", "rain-night", 3.0, None),
    "noise at night": ("river", "night", 5.0, None),
    "fog": ("junction", "day", 1.6, thickening),
}


@pytest.mark.soak
@pytest.mark.parametrize("scene", SCENES)
def test_an_hour_without_a_false_flag(scene: str) -> None:
    assert not living(*SCENES[scene]).seen


@pytest.mark.parametrize("scene", ["busy", "quiet", "rain at night"])
def test_a_while_without_a_false_flag(scene: str) -> None:
    assert not living(*SCENES[scene], seconds=WHILE).seen


@pytest.mark.parametrize(
    "kind", [kind if kind in LENSES else pytest.param(kind, marks=pytest.mark.soak) for kind in PLACES]
)
def test_another_weather_is_no_other_view(kind: str) -> None:
    """Taught by a fair day and a fair night; then dusk, and floods."""
    for first, later in (("day", ("dusk", "flood")), ("night", ("flood-night",))):
        watch = taught(kind, first)
        for weather in later:
            watch.watch(per_second(kind, weather))
        assert not watch.seen, first


@pytest.mark.parametrize("seconds", [WHILE, pytest.param(HOUR, marks=pytest.mark.soak)])
def test_an_hour_would_show_a_flag(seconds: int) -> None:
    """The hour's own negative control: at last the fog takes everything, at once."""
    watch = living("street", "day", 1.6, lambda second: 1.0 if second < seconds * 5 // 6 else 0.0, seconds)
    assert PictureFlag.COVERED in watch.seen


@pytest.mark.parametrize(
    ("flag", "figures"),
    [
        (PictureFlag.FROZEN, [(stillness, "_CHANGED", 1.0), (stillness, "_VISIBLE", 254)]),
        (PictureFlag.REPEATING, [(stillness, "LOOP_NS", 31 * S)]),
        (PictureFlag.BLACK, [(viewing, "_BLACK_LEVEL", 255.0), (viewing, "_BLACK_SPREAD", 255.0)]),
        (PictureFlag.COVERED, [(viewing, "_COVERED_LOST", 0.0), (viewing, "_COVERED_LAYOUT", 2.0)]),
        (PictureFlag.BLURRED, [(health, "BLURRED_FOCUS", 2.0)]),
        (PictureFlag.TURNED, [(health, "TURNED_LINES", 2.0)]),
    ],
)
def test_a_wrong_figure_raises_a_false_flag(
    monkeypatch: pytest.MonkeyPatch, flag: PictureFlag, figures: list[tuple[ModuleType, str, float]]
) -> None:
    """Negative control of what an hour shows: each figure, set wrong, raises its flag in living film."""
    reference = reference_of("junction")

    def two_minutes() -> set[PictureFlag]:
        watch = Watch(Health([reference]))
        for number in range(120 * STEPS):
            sample, view = looks("junction", "day")[number % (30 * STEPS)]
            watch.look(sample, view, key=number % (2 * STEPS) == 0)
        return set(watch.seen)

    assert not two_minutes()
    for where, name, value in figures:
        monkeypatch.setattr(where, name, value)
    assert flag in two_minutes()


def test_the_test_card_is_no_frozen_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn without noise: what moves on it is enough."""
    watch = Watch()

    class Pace:
        @staticmethod
        def monotonic() -> float:
            return watch.now_ns / S

        @staticmethod
        def sleep(_: float) -> None:
            """The watch goes on by itself."""

    monkeypatch.setattr(testcard, "time", Pace)
    card = testcard.TestCard(Address("testcard:A"))
    for picture in itertools.islice(card.arrivals(), 30 * testcard.FPS):
        watch.look(sample_of(picture), view_of(picture), step_ns=S // testcard.FPS)
    assert not watch.seen


# Bits


def test_flags_go_through_bits() -> None:
    for flag in FLAGS:
        assert flags_of(bits_of((Raised(flag, 1),))) == (flag,)
    everything = tuple(Raised(flag, 1) for flag in FLAGS)
    assert flags_of(bits_of(everything)) == FLAGS
    assert flags_of(1 << 40) == ()
