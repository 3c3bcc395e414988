"""Sentences of a plot that has nothing to show. Pure but for the language on screen."""

from __future__ import annotations

from layouts.options import PlotOptions
from widgets.i18n import tr

QUANTITIES = frozenset(
    {
        "speed", "occupancy", "flow", "queue", "rain_1h", "rain_24h", "tide", "water_level", "drain", "road_depth",
        "discharge", "velocity", "pm25", "pm10", "co", "no2", "o3", "so2", "vn_aqi", "temperature", "humidity", "wind",
        "pressure", "salinity", "turbidity", "ph", "do", "water_temperature", "wave_height",
    }
)  # fmt: skip
"""Those that have words (`quantity.*`); a site may measure others."""


def unknown_words(options: PlotOptions) -> str:
    """Why it shows no sensor: of a quantity what nobody measures, of an id what is to be mended."""
    if options.sensor:
        return tr("plot.unknown_sensor", name=options.sensor)
    if options.parameter in QUANTITIES:
        return tr("plot.unknown", name=tr(f"quantity.{options.parameter}"))
    return tr("plot.unknown_quantity")
