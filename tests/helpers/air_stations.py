"""Air stations with an hourly index, as the hub tells them."""

from __future__ import annotations

from helpers.sample_city import NOW_NS, SampleSession

from backends.domain.ports import NewSamples
from backends.domain.sensor import Band, Sample, Sensor
from backends.domain.text import LocalText
from backends.domain.times import NS_PER_S

BANDS = (
    Band(LocalText("Tốt", "Good"), 50, (0, 228, 0)),
    Band(LocalText("Trung bình", "Moderate"), 100, (255, 255, 0)),
    Band(LocalText("Kém", "Poor"), 150, (255, 126, 0)),
    Band(LocalText("Nguy hại", "Hazardous"), 500, (126, 0, 35)),
)


def station(name: str, lon: float | None = None, lat: float | None = None, inputs: tuple[str, ...] = ()) -> Sensor:
    return Sensor(
        f"{name}.vn_aqi", LocalText("Chỉ số VN_AQI", "VN_AQI index"), "", name, LocalText(f"Trạm {name}"), "vn_aqi",
        decimals=0, period_s=3600.0, lon=lon, lat=lat, low=0.0, high=200.0, bands=BANDS, derived=inputs,
    )  # fmt: skip


def told(sample: SampleSession, name: str, value: float | None, ago_s: float = 2400.0, quality: str = "good") -> None:
    """The hub tells the index of the hour that ended `ago_s` before the scene's time."""
    t_ns = NOW_NS - int(ago_s * NS_PER_S)
    sample.deliver(NewSamples((Sample(f"{name}.vn_aqi", t_ns, value, quality),)))
