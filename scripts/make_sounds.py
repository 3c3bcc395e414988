"""Makes the alarm tones in resources/sounds. Run by hand when a tone changes: `python scripts/make_sounds.py`.

Habits of ISO 7731 and IEC 60601-1-8: energy between 500 and 1500 Hz with overtones (one lost to hearing or
to the room's noise leaves others), pulses with soft edges, and urgency by pulse count, speed and rise, not
by loudness alone. Major intervals and a decay like a struck bar: twelve hours of it must be bearable. The
pauses between repeats are not in the files; `widgets/sound.py` names them.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 24_000
"""Hz; the overtones end below 5 kHz."""

_OVERTONES = ((1.0, 1.0), (2.0, 0.42), (3.0, 0.22), (4.0, 0.10))
"""(multiple of the note, share): at least four components, as IEC 60601-1-8 asks."""
_ATTACK_S, _RELEASE_S = 0.012, 0.03

Samples = npt.NDArray[np.float64]


def pulse(hz: float, length_s: float, level: float, decay_s: float) -> Samples:
    """One struck note: soft edges, falling with time constant `decay_s`. `level` is its peak, 0 to 1."""
    t = np.arange(int(length_s * RATE)) / RATE
    tone = sum(share * np.sin(2 * np.pi * hz * n * t) for n, share in _OVERTONES)
    edge = np.minimum(1.0, t / _ATTACK_S) * np.minimum(1.0, (length_s - t) / _RELEASE_S)
    made = np.asarray(tone * edge * np.exp(-t / decay_s))
    return made * (level / np.max(np.abs(made)))


def silence(length_s: float) -> Samples:
    return np.zeros(int(length_s * RATE))


def tones() -> dict[str, Samples]:
    """The four tones by priority."""
    # Urgent: two quick rises of three (C6 would tire: G5, B5, D6), 5 pulses a second.
    rise = [part for hz in (784.0, 988.0, 1175.0) for part in (pulse(hz, 0.15, 0.62, 0.16), silence(0.045))]
    # High: a falling and returning call of three calm pulses.
    call = [part for hz in (880.0, 698.0, 880.0) for part in (pulse(hz, 0.2, 0.5, 0.2), silence(0.08))]
    return {
        "urgent": np.concatenate([*rise, silence(0.16), *rise]),
        "high": np.concatenate(call),
        "medium": np.concatenate([pulse(587.0, 0.24, 0.36, 0.2), silence(0.04), pulse(740.0, 0.4, 0.36, 0.26)]),
        "low": pulse(523.0, 0.14, 0.16, 0.05),
    }


def main() -> None:
    """Write the files, 16 bits, one channel."""
    folder = Path(__file__).resolve().parent.parent / "resources" / "sounds"
    folder.mkdir(exist_ok=True)
    for name, samples in tones().items():
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((samples * 32767).astype("<i2").tobytes())


if __name__ == "__main__":
    main()
