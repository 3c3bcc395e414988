"""What a report that is taken in here begins with: what was typed, the place of the chosen camera, how it came."""

from __future__ import annotations

from backends.domain.report import Channel
from widgets.i18n import local
from widgets.session import Session


def intake_args(session: Session, category: dict[str, str], title: str, *, called: bool) -> dict[str, str]:
    """Arguments of the click (`Verb.INTAKE`). `called`: somebody told it by telephone; who, is never among them."""
    how = {"channel": Channel.HOTLINE.value} if called else {}
    return {**category, "title": title, **_where(session), **how}


def _where(session: Session) -> dict[str, str]:
    """The place of the camera on the chosen tile: what an operator reports he sees."""
    hands, city = session.hands, session.city
    own = hands.place.rpartition(":")[2]
    camera = city.camera(hands.camera(hands.place)) or city.camera_by_number(own)
    if camera is None:
        return {}
    where = {"camera": camera.id, "place": local(camera.name)}
    if camera.area_id:
        where["area"] = camera.area_id
    if camera.lon is not None and camera.lat is not None:
        where |= {"lon": f"{camera.lon:.6f}", "lat": f"{camera.lat:.6f}"}
    return where
