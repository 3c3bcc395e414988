"""Small pictures of cameras: from a real hub's sweep through a real feeder to the screen, and from the disk alone."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ExpectLogs
from helpers.feed_rig import Glass, feeder_at, real_settings
from helpers.hub_process import HubProcess
from helpers.sweep_cameras import cameras
from helpers.waiting import wait_for

from backends.domain.camera import Sight
from backends.domain.picture import PictureFlag
from backends.domain.ports import SmallPicture
from backends.link.ports import BlobDone
from console import feed_pictures
from console.feed_pictures import FOLDER, Pictures


def picture(n: int, size: int = 500) -> tuple[str, bytes]:
    """(SHA-256, bytes that begin as a JPEG does)."""
    data = b"\xff\xd8\xff" + str(n).encode() + b"x" * size
    return hashlib.sha256(data).hexdigest(), data


class Blobs:
    """Stands for the hub: answers in another thread, or not at all."""

    def __init__(self) -> None:
        self.have: dict[str, bytes] = {}
        self.code = "unknown"
        self.asked: list[str] = []
        self.mute = False

    def fetch(self, blob: str, done: Callable[[BlobDone], None]) -> None:
        self.asked.append(blob)
        if self.mute:
            return
        data = self.have.get(blob)
        answer = BlobDone(0, blob, "image/jpeg", data) if data is not None else BlobDone(0, blob, code=self.code)
        threading.Thread(target=done, args=(answer,)).start()


class Rig:
    """One feeder's pictures, its clock put forward by hand."""

    def __init__(self, folder: Path, hub: Blobs) -> None:
        self.now_s = 0.0
        self.got: dict[int, list[SmallPicture]] = {1: [], 2: []}
        self.small = Pictures(folder, hub.fetch, monotonic_s=lambda: self.now_s)
        self.small.start()

    def want(self, *blobs: str, screen: int = 1) -> None:
        self.small.want(screen, blobs, self.got[screen].append)

    def wait(self, what: str, condition: Callable[[], object]) -> None:
        wait_for(what, condition)


@pytest.fixture
def hub() -> Blobs:
    return Blobs()


@pytest.fixture
def rigs(tmp_path: Path, hub: Blobs) -> Iterator[Callable[[], Rig]]:
    made: list[Rig] = []

    def make() -> Rig:
        made.append(Rig(tmp_path, hub))
        return made[-1]

    yield make
    for rig in made:
        rig.small.stop()


def test_from_the_sweep_to_the_screen_and_without_hub_from_the_disk(tmp_path: Path) -> None:
    with cameras() as city, HubProcess(tmp_path / "hub", cameras={"cam-9": city.uri(9)}) as hub:
        hub.start()
        with feeder_at(real_settings(hub, tmp_path / "desk")) as (feeder, client, glass):
            glass.until(lambda g: g.items.get("cameras", {}).get("cam-9") and g.items["cameras"]["cam-9"].thumbnail, 30)
            blob = glass.items["cameras"]["cam-9"].thumbnail
            client.want((blob,))
            glass.until(lambda g: [p for p in g.all if isinstance(p, SmallPicture)], 20.0)
            (came,) = [p for p in glass.all if isinstance(p, SmallPicture)]
            assert hashlib.sha256(came.data).hexdigest() == came.blob == blob
            client.sees((Sight("cam-9", flags=(PictureFlag.TURNED,)),))
            glass.until(
                lambda g: g.items["cameras"]["cam-9"].flags == (PictureFlag.TURNED,), 10.0, "the directory has it"
            )
            hub.kill()
            feeder.kill()
            feeder.start()
            again = Glass(feeder.client(from_store=True).drain)
            again.until(lambda g: g.ids("cameras"))
            feeder.clients[-1].want((again.items["cameras"]["cam-9"].thumbnail,))
            again.until(lambda g: [p for p in g.all if isinstance(p, SmallPicture)], 20.0)
            assert not again.up(), "there is no hub"


def test_one_question_serves_all_screens_and_what_is_on_disk_asks_nobody(hub: Blobs, rigs: Callable[[], Rig]) -> None:
    a, b = picture(1), picture(2)
    hub.have = dict([a, b])
    rig = rigs()
    rig.want(a[0], b[0])
    rig.want(a[0], screen=2)
    rig.wait("both", lambda: len(rig.got[1]) == 2 and len(rig.got[2]) == 1)
    assert sorted(hub.asked) == sorted([a[0], b[0]])
    rig.small.stop()
    later = rigs()
    later.want(b[0])
    later.wait("from the disk", lambda: later.got[1] == [SmallPicture(*b)])
    assert len(hub.asked) == 2


def test_a_damaged_file_is_fetched_anew_and_no_name_leaves_the_folder(
    tmp_path: Path, hub: Blobs, rigs: Callable[[], Rig]
) -> None:
    blob, data = picture(1)
    hub.have = {blob: data}
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{blob}.jpg").write_bytes(data[:-1] + b"?")
    (tmp_path / "secret.jpg").write_bytes(b"\xff\xd8\xffsecret")
    rig = rigs()
    rig.want("../secret", "", blob.upper(), blob)
    rig.wait("whole", lambda: rig.got[1] == [SmallPicture(blob, data)])
    assert hub.asked == [blob]
    assert (tmp_path / FOLDER / f"{blob}.jpg").read_bytes() == data


def test_what_the_hub_does_not_have_is_tried_again_later_and_only_while_it_is_wanted(
    hub: Blobs, rigs: Callable[[], Rig]
) -> None:
    (late, data), (never, _) = picture(1), picture(2)
    rig = rigs()
    rig.want(late, never)
    rig.wait("asked", lambda: len(hub.asked) == 2)
    hub.have = {late: data}
    rig.want(late)
    rig.now_s = feed_pictures.AGAIN_S["unknown"] + 1
    rig.wait("it has come", lambda: rig.got[1])
    assert hub.asked.count(late) == 2
    assert hub.asked.count(never) == 1


def test_what_is_no_small_picture_is_not_given_out(
    hub: Blobs, rigs: Callable[[], Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_pictures, "MOST_PICTURE", 1000)
    page, (large, data), good = b"<html>", picture(1, 2000), picture(2)
    text = hashlib.sha256(page).hexdigest()
    hub.have = {text: page, large: data, good[0]: good[1]}
    rig = rigs()
    rig.want(text, large, good[0])
    rig.wait("the good one", lambda: rig.got[1])
    rig.wait("all answered", lambda: len(hub.asked) == 3)
    assert rig.got[1] == [SmallPicture(*good)]


def test_the_disk_is_bounded_and_the_longest_unused_goes(
    tmp_path: Path, hub: Blobs, rigs: Callable[[], Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_pictures, "MOST_FILES", 3)
    made = [picture(n) for n in range(5)]
    hub.have = dict(made)
    rig = rigs()
    for n, (blob, _) in enumerate(made[:3]):
        rig.want(blob)
        rig.wait(f"picture {n}", lambda n=n: len(rig.got[1]) == n + 1)
    rig.want(made[0][0])  # used again
    rig.wait("again", lambda: len(rig.got[1]) == 4)
    rig.want(made[3][0])
    rig.wait("one more", lambda: len(rig.got[1]) == 5)
    assert {path.stem for path in (tmp_path / FOLDER).glob("*.jpg")} == {made[n][0] for n in (0, 2, 3)}
    rig.small.stop()
    monkeypatch.setattr(feed_pictures, "MOST_FILES", 1)
    smaller = rigs()
    smaller.want(made[4][0])
    smaller.wait("the newest", lambda: smaller.got[1])
    assert {path.stem for path in (tmp_path / FOLDER).glob("*.jpg")} == {made[4][0]}


def test_few_questions_at_once_and_what_is_on_disk_does_not_wait_for_them(
    tmp_path: Path, hub: Blobs, rigs: Callable[[], Rig]
) -> None:
    kept = picture(99)
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / f"{kept[0]}.jpg").write_bytes(kept[1])
    hub.mute = True
    rig = rigs()
    rig.want(*[picture(n)[0] for n in range(50)], kept[0])
    rig.wait("from the disk", lambda: rig.got[1] == [SmallPicture(*kept)])
    assert len(hub.asked) == feed_pictures.AT_ONCE


def test_a_disk_that_cannot_be_written_still_shows_pictures(
    tmp_path: Path, hub: Blobs, rigs: Callable[[], Rig], expect_logs: ExpectLogs
) -> None:
    blob, data = picture(1)
    hub.have = {blob: data}
    (tmp_path / FOLDER).touch()
    rig = rigs()
    rig.want(blob)
    rig.wait("shown", lambda: rig.got[1] == [SmallPicture(blob, data)])
    expect_logs("cannot be kept")
