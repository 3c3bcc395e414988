"""The simulated Đông Hà: for the demo, for training scenarios and for tests.

Says what happens; knows nothing of the hub, of links or of screens. The drawn street scenes are in
`backends.city.scenes`, which is not imported here because it needs picture libraries.
"""

from __future__ import annotations

from backends.city.cameras import scene_kind, wifi_points
from backends.city.city import City
from backends.city.scenarios import SCENARIOS, ScenarioSpec, UnknownScenario, scenario_start_ns

__all__ = ["SCENARIOS", "City", "ScenarioSpec", "UnknownScenario", "scenario_start_ns", "scene_kind", "wifi_points"]
