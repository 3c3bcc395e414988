"""Whether a camera sees a place, in words: "looks here, 85 m". Pure but for the language on screen. Paints nothing."""

from __future__ import annotations

from backends.domain.camera import Camera
from backends.domain.field_of_view import AT_IT_M, Look, Sees
from widgets import format as fmt
from widgets.i18n import tr

_KM = 1000.0


def sight_words(look: Look) -> str:
    """Of one camera; empty where one of the two has no place."""
    if look.away_m is None:
        return ""
    away = away_words(look.away_m)
    if look.sees is Sees.PERHAPS and look.away_m < AT_IT_M:
        return tr("sight.at_it")
    if look.preset:
        return tr("sight.preset", preset=look.preset, away=away)
    return tr(f"sight.{look.sees.name.lower()}", away=away)


def away_words(away_m: float) -> str:
    """ "85 m", "1.2 km"."""
    far = round(away_m) >= _KM
    return f"{fmt.number(away_m / _KM, 1)} km" if far else f"{fmt.number(away_m)} m"


def verdict_words(verdict: Sees, looks: list[tuple[Camera, Look]]) -> str:
    """That none of them is known to see it; empty where one does."""
    if verdict is Sees.HERE:
        return ""
    numbers = ", ".join(camera.number for camera, look in looks if look.sees is Sees.TURNED)
    return tr(f"sight.none_{verdict.name.lower()}", numbers=numbers)
