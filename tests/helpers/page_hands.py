"""A page on the wall of a room, and hands that answer what it asks, line by line."""

from __future__ import annotations

import msgspec
from helpers.sample_city import SampleSession
from helpers.search_room import Key, Room

from backends.domain.people import Role
from widgets.windows.page import Page


def become(sample: SampleSession, role: Role) -> SampleSession:
    """The person at this station has that role from now on."""
    sample.city.apply([msgspec.structs.replace(sample.city.grant, role=role)])
    return sample


def page_of(room: Room, page_id: str) -> Page:
    """Open it, as its row in the search line does."""
    room.sample.session.calls.pageCalled.emit(page_id, "")
    page = room.wall.panels.page
    assert page is not None
    return page


def enter(room: Room, page: Page, *answers: str | None) -> None:
    """Enter for each, with these words in the line; None: as it stands. None at all: once."""
    for words in answers or (None,):
        if words is not None:
            page.field.setText(words)
        room.key(Key.Key_Return)


def titles(page: Page) -> list[str]:
    """Of the rows that can be chosen."""
    return [row.title for row in page.rows if not row.heading]
