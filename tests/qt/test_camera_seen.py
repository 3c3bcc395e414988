"""State and age of a camera in words: the picture here, the hub's word, and both where they disagree."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from helpers.sample_city import prepare
from PySide6.QtWidgets import QApplication

from backends.domain.camera import Camera, PictureState, PictureStatus
from backends.domain.picture import PictureFlag, Raised
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets import i18n
from widgets.i18n import Language
from widgets.models.camera_seen import Seen, seen_of

NOW = 1_800_000_000 * NS_PER_S
S = PictureState


@pytest.fixture(autouse=True)
def _words(qapp: QApplication) -> Iterator[None]:
    prepare(qapp)
    yield
    prepare(qapp)


def camera(*, online: bool = True, enabled: bool = True, since_s: float = 125.0) -> Camera:
    t_ns = NOW - int(since_s * NS_PER_S) if since_s else 0
    return Camera("cam-014", "014", LocalText("Chợ"), (), online=online, enabled=enabled, t_state_ns=t_ns)


def here(state: PictureState, age_s: float = 0.0) -> PictureStatus:
    return PictureStatus(state, age_s=age_s)


@pytest.mark.parametrize(
    ("known", "status", "words", "age", "rank"),
    [
        (camera(), None, "có kết nối", "2 phút", 3),
        (camera(online=False), None, "mất kết nối", "2 phút", 0),
        (camera(since_s=0), None, "có kết nối", "", 3),
        (camera(enabled=False), None, "camera đã tắt", "2 phút", 2),
        (camera(enabled=False, online=False), here(S.LOST, 9), "camera đã tắt", "2 phút", 2),
        (camera(), here(S.LIVE, 0.04), "đang hiện", "", 3),
        (camera(), here(S.SLOW, 2.4), "chậm hình 2 giây", "", 1),
        (camera(online=False), here(S.LOST, 67), "mất hình", "01:07", 0),
        (camera(online=False), here(S.REFUSED), "camera từ chối đăng nhập", "", 0),
        (camera(), here(S.CONNECTING), "đang kết nối", "", 2),
        (camera(), here(S.WAITING_KEY), "chưa có hình", "", 2),
        (camera(), here(S.DISABLED), "có kết nối", "2 phút", 3),
    ],
)
def test_words_age_and_rank(known: Camera, status: PictureStatus | None, words: str, age: str, rank: int) -> None:
    assert seen_of(known, status, NOW) == Seen(words, age, rank)


@pytest.mark.parametrize("flag", PictureFlag)
def test_what_is_wrong_with_a_picture_is_said_in_words_and_is_trouble(flag: PictureFlag) -> None:
    """By the hub's probe for one that nobody shows, by the screen for its own."""
    known = msgspec.structs.replace(camera(), flags=(flag,))
    hidden = seen_of(known, None, NOW)
    assert hidden.trouble
    assert hidden.age == "2 phút"
    assert "." not in hidden.words, "a word, not its key"
    own = msgspec.structs.replace(here(S.LIVE), raised=(Raised(flag, 1),))
    assert seen_of(camera(), own, NOW).words == hidden.words
    assert seen_of(known, here(S.LIVE), NOW).words == "đang hiện", "the screen sees it now, the probe does not"
    assert seen_of(msgspec.structs.replace(known, online=False), None, NOW).words == "mất kết nối"


def test_a_disagreement_says_both_and_is_trouble() -> None:
    picture = seen_of(camera(online=False), here(S.LIVE), NOW)
    assert picture == Seen("đang hiện · trung tâm: mất kết nối", "", 1)
    assert picture.trouble
    dark = seen_of(camera(), here(S.LOST, 8), NOW)
    assert dark == Seen("mất hình · trung tâm: có kết nối", "00:08", 0)


@pytest.mark.parametrize("state", list(PictureState))
@pytest.mark.parametrize("online", [True, False])
@pytest.mark.parametrize("language", list(Language))
def test_every_state_has_words(state: PictureState, online: bool, language: Language) -> None:
    i18n.set_language(language)
    seen = seen_of(camera(online=online), here(state, 7), NOW)
    assert seen.words
    assert seen.trouble or online


def test_a_clock_that_went_back_gives_no_age_below_nothing() -> None:
    assert seen_of(camera(since_s=-30), None, NOW).age == "0 giây"
