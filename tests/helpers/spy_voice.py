"""A voice that plays nothing and writes down what it was asked to play."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal


class SpyVoice(QObject):
    """Writes down what it should have played."""

    deviceChanged = Signal(str)
    firstSample = Signal(int, float)

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.times: list[int] = []

    def start(self) -> None:
        self.said.append("start")

    def play(self, tone: str, times: int, pause_s: float) -> int:
        self.said.append(tone)
        self.times.append(times)
        return len(self.times)

    def stop(self) -> None:
        self.said.append("stop")

    def close(self) -> None:
        self.said.append("close")
