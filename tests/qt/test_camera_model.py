"""The directory as a model: areas, sites, cameras; search, order, favourites; sound through every change."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest
from helpers.sample_city import NOW_NS, prepare
from PySide6.QtCore import QModelIndex, QPersistentModelIndex
from PySide6.QtWidgets import QApplication
from pytestqt.modeltest import ModelTester

from backends.domain.camera import Camera, PictureState, PictureStatus, Stream, StreamKind
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S
from widgets.i18n import Language
from widgets.models.cameras import NODE_ROLE, CameraModel, Kind, Node, Order, natural

AREAS = {
    "w10": LocalText("Phường 10", "Ward 10"),
    "w2": LocalText("Phường 2", "Ward 2"),
    "le": LocalText("Đông Lễ"),
}
LIVE, LOST = PictureStatus(PictureState.LIVE), PictureStatus(PictureState.LOST, age_s=6.0)


@pytest.fixture(autouse=True)
def _ready(qapp: QApplication) -> Iterator[None]:
    prepare(qapp)
    yield
    prepare(qapp)


def cam(n: int, name: str = "", area: str = "w2", site: str = "", *, online: bool = True) -> Camera:
    streams = (Stream(StreamKind.SUB, f"scene:{n}"),)
    return Camera(
        f"cam-{n:03d}", f"{n:03d}", LocalText(name or f"Camera {n}"), streams, site=site, area_id=area, online=online,
        t_state_ns=NOW_NS - 3600 * NS_PER_S,
    )  # fmt: skip


SOME = [
    cam(14, "Hùng Vương – Lê Duẩn", "w10"),
    cam(21, "Cầu Đông Hà, hướng Bắc", "w2", "bridge"),
    cam(22, "Cầu Đông Hà, hướng Nam", "w2", "bridge"),
    cam(33, "Chợ Đông Hà, cổng A", "w2", "market"),
    cam(68, "Kè sông Hiếu, bờ Nam", "le", online=False),
    cam(90, "Ngã ba đường Ngập", "nowhere"),
]


def made(
    cameras: list[Camera] = SOME, *, favourites: tuple[str, ...] = (), flat: bool = False, order: Order = Order.NUMBER
) -> CameraModel:
    model = CameraModel(order=order, flat=flat)
    model.sync(cameras, AREAS, favourites, NOW_NS)
    return model


def tree(model: CameraModel, parent: QModelIndex | None = None) -> list:
    """Titles; numbers of cameras; nested lists."""
    out: list = []
    above = parent or QModelIndex()
    for row in range(model.rowCount(above)):
        index = model.index(row, 0, above)
        node: Node = index.data(NODE_ROLE)
        out.append(node.camera.number if node.camera else [node.title, *tree(model, index)])
    return out


def test_areas_sites_and_cameras() -> None:
    assert tree(made()) == [
        ["Đông Lễ", "068"],
        ["Phường 2", ["Cầu Đông Hà", "021", "022"], "033"],
        ["Phường 10", "014"],
        ["Chưa rõ khu vực", "090"],
    ]


def test_a_city_without_areas_has_one_group_and_a_wall_none() -> None:
    model = CameraModel()
    model.sync(SOME[:2], {}, (), NOW_NS)
    assert tree(model) == [["Tất cả camera", "014", "021"]]
    assert tree(made(flat=True)) == ["014", "021", "022", "033", "068", "090"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ngap", {"090"}), ("NGẬP", {"090"}), ("cau dong ha", {"021", "022"}), ("đông hà", {"021", "022", "033"}),
        ("68", {"068"}), ("021", {"021"}), ("phuong 10", {"014"}), ("ward 10", {"014"}), ("dong le", {"068"}),
        ("nam cầu", {"022"}), ("  ", {"014", "021", "022", "033", "068", "090"}), ("xyz", set()),
    ],
)  # fmt: skip
def test_search_takes_no_notice_of_accents(typed: str, found: set[str]) -> None:
    model = made()
    model.search(typed)
    assert {n.camera.number for g in model.groups() for n in g.cameras() if n.camera} == found
    assert model.found() == len(found)
    assert model.total() == 6
    model.search("")
    assert tree(model) == tree(made())


def test_orders() -> None:
    names = [cam(1, "Ồ"), cam(2, "An"), cam(3, "Đa", online=False), cam(4, "Camera 10"), cam(5, "Camera 9")]
    assert tree(made(names))[0][1:] == ["001", "002", "003", "004", "005"]
    assert tree(made(names, order=Order.NAME))[0][1:] == ["002", "005", "004", "003", "001"]
    model = made(names, order=Order.TROUBLE)
    assert tree(model)[0][1:] == ["003", "001", "002", "004", "005"]
    model.tick(NOW_NS, {"cam-004": LOST, "cam-001": LIVE})
    assert tree(model)[0][1:] == ["003", "004", "001", "002", "005"]
    assert natural("Phường 2") < natural("Phường 10")


def test_favourites_stand_first_and_in_their_area_too() -> None:
    model = made(favourites=("cam-033", "cam-068", "cam-gone"))
    assert tree(model)[0] == ["Đã đánh dấu", "033", "068"]
    assert tree(model)[1] == ["Đông Lễ", "068"]
    model.search("ke")
    assert tree(model) == [["Đã đánh dấu", "068"], ["Đông Lễ", "068"]]
    assert model.found() == 1
    model.search("")
    model.set_favourites(())
    assert tree(model) == tree(made())


def test_counts_and_states_follow_the_second_and_nothing_else_is_said() -> None:
    model = made()
    said: list[str] = []
    model.dataChanged.connect(lambda first, last: said.append(f"{first.data()} to {last.row() - first.row()}"))
    model.tick(NOW_NS + NS_PER_S, {})
    assert said == []
    model.tick(NOW_NS + NS_PER_S, {"cam-021": LOST})
    assert sorted(said) == ["Cầu Đông Hà to 0", "Cầu Đông Hà, hướng Bắc to 0", "Phường 2 to 0"]
    assert [g.trouble for g in model.groups()] == [1, 1, 0, 0]
    assert model.trouble() == 2


def test_a_selection_follows_its_camera_through_order_search_and_moves() -> None:
    model = made()
    place = model.index(1, 0, model.index(1))
    held = QPersistentModelIndex(place)
    assert held.data() == "Chợ Đông Hà, cổng A"
    model.set_order(Order.NAME)
    model.sync([cam(1, "A"), *SOME], AREAS, ("cam-014",), NOW_NS)
    assert held.data() == "Chợ Đông Hà, cổng A"
    model.search("cho")
    assert held.data() == "Chợ Đông Hà, cổng A"
    model.search("khong co")
    assert not held.isValid()


def test_an_index_of_a_row_that_is_gone_finds_nothing() -> None:
    model = made()
    stale = model.index(0, 0, model.index(0))
    model.sync(SOME[:4], AREAS, (), NOW_NS)
    assert stale.data() is None
    assert model.node(stale) is None
    assert model.rowCount(stale) == 0


def test_it_stays_sound_and_never_resets(qtmodeltester: ModelTester) -> None:
    """300 random changes of everything: the model's own checks on every signal, and the tree equal to a new one."""
    chance = random.Random(4)
    model = CameraModel()
    qtmodeltester.check(model)
    resets: list[int] = []
    model.modelReset.connect(lambda: resets.append(1))
    cameras: list[Camera] = []
    favourites: tuple[str, ...] = ()
    typed, order = "", Order.NUMBER
    for step in range(300):
        match chance.randrange(6):
            case 0 | 1:
                pick = chance.sample(range(1, 40), chance.randint(0, 25))
                cameras = [
                    cam(n, chance.choice(["Cầu A, 1", "Cầu A, 2", "Ngập", ""]), chance.choice([*AREAS, "x"]),
                        chance.choice(["", "s1", "s2"]), online=chance.random() < 0.8)
                    for n in pick
                ]  # fmt: skip
                model.sync(cameras, AREAS, favourites, NOW_NS + step)
            case 2:
                typed = chance.choice(["", "cau", "ngap", "0", "zzz"])
                model.search(typed)
            case 3:
                order = chance.choice(list(Order))
                model.set_order(order)
            case 4:
                favourites = tuple(f"cam-{n:03d}" for n in chance.sample(range(1, 40), 4))
                model.set_favourites(favourites)
            case _:
                model.tick(NOW_NS + step, {c.id: chance.choice([LIVE, LOST]) for c in cameras if chance.random() < 0.3})
                model.tick(NOW_NS + step, {})
        fresh = CameraModel(order=order)
        fresh.sync(cameras, AREAS, favourites, NOW_NS + step)
        fresh.search(typed)
        assert tree(model) == tree(fresh)
        assert [g.trouble for g in model.groups()] == [g.trouble for g in fresh.groups()]
    assert not resets


def test_a_change_of_language(qapp: QApplication) -> None:
    model = made()
    prepare(qapp, Language.EN)
    model.retranslate()
    assert tree(model)[1:] == [
        ["Ward 2", ["Cầu Đông Hà", "021", "022"], "033"], ["Ward 10", "014"], ["Area not known", "090"]
    ]  # fmt: skip
    index = model.index(0, 0, model.index(0))
    assert index.data(NODE_ROLE).seen.words == "offline"


def test_a_renamed_and_a_moved_camera() -> None:
    model = made()
    changed = [msgspec.structs.replace(SOME[0], name=LocalText("Tên khác"), area_id="le"), *SOME[1:]]
    model.sync(changed, AREAS, (), NOW_NS)
    assert tree(model)[0] == ["Đông Lễ", "014", "068"]
    assert model.index(0, 0, model.index(0)).data() == "Tên khác"
    assert model.groups()[0].kind is Kind.AREA
