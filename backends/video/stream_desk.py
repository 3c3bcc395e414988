"""Joins choice and pressure to the pictures: widgets say what is on the screen, and are told what to paint.

`show` at every change of the screen and ten times a second, `feel` once a second; both of the GUI thread, neither
blocks. It asks `pictures` what has come, and gives it the demands and what shall be left out. Must not: know Qt, or
have a rule of its own (those are `choice` and `pressure`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Protocol

from backends.domain.camera import Camera, Demand, StreamKind
from backends.domain.stream_choice import Act, Decision, LeftOut, Seen, Use, View, Ways, Why, Wish
from backends.domain.text import LocalText
from backends.video.choice import Chooser
from backends.video.plan import StreamKey
from backends.video.pressure import Burden, Load, Pressure, Relief


class Pictures(Protocol):
    """What it needs of the GUI's end of the pictures (`client`)."""

    def demand(self, wanted: frozenset[Demand]) -> None: ...

    def seen(self, demand: Demand) -> Seen:
        """Of its own output alone, never of a stand-in."""
        ...

    def leave_out(self, treatments: Mapping[StreamKey, LeftOut]) -> None:
        """From now on, of these streams; of all others nothing."""
        ...

    def decoding(self) -> tuple[float, float] | None:
        """(share of late frames, share of the processor) of the last second; None: not known."""
        ...


class StreamDesk:
    """Of one GUI process."""

    def __init__(
        self,
        pictures: Pictures,
        clock_ns: Callable[[], int],
        tell: Callable[[str, str, LocalText], None] = lambda camera_id, code, words: None,
    ) -> None:
        """`clock_ns`: monotonic. `tell`: hears what people should know: camera id (empty: the wall), code, words."""
        self._pictures = pictures
        self._clock_ns = clock_ns
        self._tell = tell
        self._chooser = Chooser()
        self._pressure = Pressure()
        self._relief = Relief(0, {}, force_sub=False, no_up=False, standing=None, said=())
        self._decision = Decision(frozenset(), (), {}, None, 0, ())
        self._ways: dict[str, Ways] = {}
        self._wishes: dict[str, Wish] = {}
        self._areas: dict[str, int] = {}

    def set_cameras(self, cameras: Iterable[Camera]) -> None:
        """The directory, whenever it has changed. A camera that is switched off has no streams."""
        before = self._ways
        self._ways = {}
        for camera in cameras:
            ways = Ways(camera.streams, camera.restream) if camera.enabled else Ways(())
            kept = before.get(camera.id)
            self._ways[camera.id] = kept if kept == ways and kept is not None else ways

    def wish(self, camera_id: str) -> Wish:
        """See ports.StreamDesk."""
        return self._wishes.get(camera_id, Wish.AUTO)

    def show(self, views: Sequence[View], replays: Collection[Demand] = ()) -> tuple[Demand | None, ...]:
        """What each of these paints from now on; the demands are sent on, those of `replays` as they are."""
        self._wishes = _wishes(views)
        decision = self._chooser.decide(
            self._clock_ns(),
            views,
            self._ways,
            {demand: self._pictures.seen(demand) for demand in self._decision.demands},
            wishes=self._wishes,
            force_sub=self._relief.force_sub,
            no_up=self._relief.no_up,
        )
        self._decision = decision
        self._areas = {}
        for view in views:
            area = view.width * view.height
            self._areas[view.camera_id] = max(area, self._areas.get(view.camera_id, 0))
        self._pictures.demand(decision.demands.union(replays))
        for said in decision.said:
            self._tell(said.camera_id, said.code, said.words)
        return decision.painted

    def feel(self, tick_p99_ms: float, alarmed: Collection[str] = ()) -> None:
        """Look at the load. `tick_p99_ms`: of the GUI's passes of the last second; `alarmed`: camera ids."""
        figures = self._pictures.decoding()
        load = Load(*figures, tick_p99_ms) if figures is not None else None
        burdens = [self._burden(camera_id, use, camera_id in alarmed) for camera_id, use in self._decision.uses.items()]
        before = self._relief.treatments
        switching = self._decision.switch is not None or self._decision.waiting > 0
        self._relief = self._pressure.decide(self._clock_ns(), load, burdens, switching=switching)
        if self._relief.treatments != before:
            self._pictures.leave_out(self._relief.treatments)
        for said in self._relief.said:
            self._tell("", said.code, said.words)

    def use(self, camera_id: str) -> Use | None:
        """Which stream it is and why; None: it is not shown."""
        return self._decision.uses.get(camera_id)

    def left_out(self, camera_id: str) -> tuple[Act, ...]:
        """What is left out of its picture. Its tile says so; that it is no main stream is said by `use`."""
        use = self.use(camera_id)
        found = self._relief.treatments.get(StreamKey(camera_id, use.pick.uri)) if use is not None else None
        if found is None:
            return ()
        marks = {
            Act.LOOP_FILTER: found.skip_loop_filter,
            Act.NON_REFERENCE: found.skip_non_reference,
            Act.RATE: found.draw_every > 1,
        }
        return tuple(act for act, done in marks.items() if done)

    @property
    def standing(self) -> LocalText | None:
        """What is left out on this wall, in words, for as long as it is."""
        return self._relief.standing.words if self._relief.standing is not None else None

    def _burden(self, camera_id: str, use: Use, alarmed: bool) -> Burden:
        pick = use.pick
        area = self._areas.get(camera_id, 0)
        seen = [
            self._pictures.seen(demand)
            for demand in self._decision.demands
            if (demand.camera_id, demand.uri) == (camera_id, pick.uri)
        ]
        return Burden(
            stream=StreamKey(camera_id, pick.uri),
            pixels=max((one.width * one.height for one in seen), default=0) or pick.width * pick.height or area,
            area=area,
            smoothed=all(one.smoothed for one in seen),
            shrinks=use.why is Why.LOAD or (pick.kind is StreamKind.MAIN and use.why is Why.SIZE),
            kept=alarmed,
        )


def _wishes(views: Sequence[View]) -> dict[str, Wish]:
    """One a camera: cameras refuse a third session, so its tiles share a stream, and who wants to see more has it."""
    wishes: dict[str, Wish] = {}
    for view in views:
        if view.wish is Wish.MAIN or (view.wish is Wish.SUB and view.camera_id not in wishes):
            wishes[view.camera_id] = view.wish
    return wishes
