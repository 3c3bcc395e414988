"""The station's folder of pictures that wait for the hub: on the disk first, nobody's forgotten, bounded."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from conftest import ExpectLogs

from console import feed_outgoing
from console.feed_outgoing import FOLDER, OutgoingPictures


def picture(n: int) -> bytes:
    return b"\xff\xd8\xff" + str(n).encode() + b"x" * 400


def name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_it_is_there_after_a_restart_and_what_no_click_names_is_not(tmp_path: Path) -> None:
    a, b = picture(1), picture(2)
    OutgoingPictures(tmp_path).keep((a, b))
    again = OutgoingPictures(tmp_path)
    again.load({name(a), name(picture(3))})
    assert again.data(name(a)) == a
    assert [again.has(name(one)) for one in (a, b, picture(3))] == [True, False, False]
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [name(a)]
    again.through(name(a))
    assert not any((tmp_path / FOLDER).iterdir())


def test_where_it_is_not_sure_which_clicks_wait_all_pictures_stay(tmp_path: Path) -> None:
    """A demo that was begun over a live station's folder, say: the clicks of that city wait in its journal."""
    OutgoingPictures(tmp_path).keep((picture(1),))
    (tmp_path / FOLDER / ".torn.1").write_bytes(b"half")
    again = OutgoingPictures(tmp_path)
    again.load(set(), sure=False)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == [name(picture(1))]


def test_what_the_hub_never_had_is_said_when_it_is_dropped(tmp_path: Path, expect_logs: ExpectLogs) -> None:
    outgoing = OutgoingPictures(tmp_path)
    outgoing.keep((picture(1), picture(2)))
    outgoing.through(name(picture(2)))
    outgoing.forget([name(picture(1)), name(picture(2))], "a1")
    expect_logs("dropped: the hub never had it")
    assert not any((tmp_path / FOLDER).iterdir())


def test_no_folder_is_no_trouble(tmp_path: Path) -> None:
    outgoing = OutgoingPictures(tmp_path)
    outgoing.load(set())
    outgoing.keep(())
    assert not (tmp_path / FOLDER).exists()


def test_what_is_no_picture_or_has_no_room_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outgoing = OutgoingPictures(tmp_path)
    with pytest.raises(OSError, match="no picture"):
        outgoing.keep((b"<html>",))
    monkeypatch.setattr(feed_outgoing, "ROOM", 500)
    outgoing.keep((picture(1),))
    outgoing.keep((picture(1),))  # the same again takes no room
    with pytest.raises(OSError, match="too many"):
        outgoing.keep((picture(2),))
    outgoing.forget([name(picture(1))])
    outgoing.keep((picture(2),))
    assert outgoing.has(name(picture(2)))


def test_a_damaged_file_is_no_picture(tmp_path: Path) -> None:
    outgoing = OutgoingPictures(tmp_path)
    outgoing.keep((picture(1),))
    (tmp_path / FOLDER / name(picture(1))).write_bytes(picture(1)[:-1])
    assert outgoing.data(name(picture(1))) == b""
