"""What the simulated city confides to its hub: invented reporters, and invented secrets of cameras.

Deterministic by seed and id. Names are put together at random, telephone numbers begin with 0000, which is no
prefix of Việt Nam's plan; a camera's password opens nothing. One report in eight is anonymous.
"""

from __future__ import annotations

import random

_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Võ", "Phan", "Bùi", "Đặng", "Hồ")
_MIDDLE = ("Văn", "Thị", "Hữu", "Ngọc", "Đức", "Minh", "Thanh", "Quang")
_GIVEN = ("An", "Bình", "Châu", "Dung", "Hải", "Hạnh", "Khánh", "Lâm", "Mai", "Nam", "Phương", "Sơn", "Thảo", "Tuấn")


def reporter(seed: int, report_id: str) -> dict[str, str]:
    """`name` and `phone` of who sent a report; empty for an anonymous one."""
    rng = random.Random(f"{seed} reporter {report_id}")
    if rng.random() < 1 / 8:
        return {}
    digits = f"{rng.randrange(1_000_000):06d}"
    return {
        "name": f"{rng.choice(_FAMILY)} {rng.choice(_MIDDLE)} {rng.choice(_GIVEN)}",
        "phone": f"0000 {digits[:3]} {digits[3:]}",
    }


def camera_secret(seed: int, camera_id: str) -> dict[str, str]:
    """`user` and `password` of a camera."""
    rng = random.Random(f"{seed} camera {camera_id}")
    return {"user": "viewer", "password": f"{rng.randrange(1 << 64):016x}"}
