"""What an entry of the logbook is about, in words and as something to go to. Pure but for the language on screen."""

from __future__ import annotations

from dataclasses import dataclass

from backends.domain.incident import TimelineEvent
from widgets import format as fmt
from widgets.i18n import local, tr
from widgets.models.city import CityModel
from widgets.search.finder import Kind

_KINDS = {
    "alarms": Kind.ALARM,
    "reports": Kind.REPORT,
    "cameras": Kind.CAMERA,
    "sensors": Kind.SENSOR,
    "config": Kind.AREA,
}


@dataclass(frozen=True)
class About:
    """What somebody wants to write about, and of which time."""

    feed: str = ""
    id: str = ""
    """Both empty: nothing in particular."""
    title: str = ""
    t_from_ns: int = 0
    t_to_ns: int = 0
    camera_id: str = ""
    """Whose picture of now can go along; empty: nobody's."""

    def args(self) -> dict[str, str]:
        """As the verb LOG takes them."""
        t_to_ns = max(self.t_from_ns, self.t_to_ns)  # a plot of what is to come, a clock that is a little ahead
        span = {"t_from_ns": str(self.t_from_ns), "t_to_ns": str(t_to_ns)} if t_to_ns else {}
        return {**({"about": self.feed} if self.feed else {}), **span}


def kind_of(feed: str) -> Kind | None:
    """How the search calls a record of that feed; None: it cannot be gone to."""
    return _KINDS.get(feed)


def about_words(city: CityModel, entry: TimelineEvent) -> str:
    """Its name as it is now; of what has gone, its id. Empty: about nothing."""
    if not entry.about:
        return ""
    return name_of(city, entry.about, entry.target) or entry.target


def name_of(city: CityModel, feed: str, id_: str) -> str:
    """Name of a record; empty where it is not known."""
    record = city.records(feed).get(id_) if feed in _KINDS else None
    if record is None:
        return ""
    if feed == "reports":
        return f"{record.id} {local(record.title)}"
    if feed == "cameras":
        return f"{record.number} {local(record.name)}"
    return local(record.name)


def span_words(entry: TimelineEvent, now_ns: int) -> str:
    """The time that it tells of, where that is said."""
    if not entry.t_to_ns:
        return ""
    t0, t1 = (fmt.event_minutes(t_ns, now_ns) for t_ns in (entry.t_from_ns, entry.t_to_ns))
    return t0 if t0 == t1 else tr("logbook.span", t0=t0, t1=t1)
