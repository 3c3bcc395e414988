"""Streams with flipped bits, cut and spliced, through the readers in a child with little memory: no crash."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers.http_camera import content

_CHILD = """
import io, random, resource, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from backends.video.reading import Reader
from backends.video.source import SourceFault
from backends.video.jpeg import JpegDecoder
from backends.video.multipart import Parts
from backends.video.sources.http import TS_OPTIONS

kind, number, good = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).read_bytes()
if kind == "mjpeg":
    good = b"".join(b"--f\\r\\nContent-Length: %d\\r\\n\\r\\n%s\\r\\n" % (len(good), good) for _ in range(6))

def mutated(seed):
    rng = random.Random(seed)
    data = bytearray(good[: rng.randrange(len(good) // 2, len(good))])
    for _ in range(rng.choice((1, 10, 100, 1000))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    for _ in range(rng.randrange(3)):
        a, b = rng.randrange(len(data)), rng.randrange(len(data))
        data[a:a] = data[b : b + rng.randrange(5000)]
    return bytes(data)

def frames(data):
    if kind == "mjpeg":
        decoder = JpegDecoder()
        for picture in Parts(b"f").feed(data):
            packet = decoder.packet(picture)
            if packet is not None:
                yield from decoder.decode(packet)
        return
    reader = Reader(io.BytesIO(data), TS_OPTIONS, container_format="mpegts")
    try:
        for packet in reader.arrivals():
            yield from reader.decode(packet)
    finally:
        reader.close()

faults = shown = 0
for seed in range(number):
    try:
        shown += sum(1 for _ in frames(mutated(seed)))
    except SourceFault:
        faults += 1
print(sum(1 for _ in frames(good)), shown, faults)
"""


@pytest.mark.parametrize("kind", ["ts", "mjpeg", "h265"])
def test_damaged_streams(kind: str, tmp_path: Path) -> None:
    content(tmp_path, hevc=kind == "h265")
    source = tmp_path / ("00.jpg" if kind == "mjpeg" else "live.ts")
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, kind, "334", str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    whole, shown, _ = map(int, done.stdout.split())
    assert whole > 5
    assert shown > 0, "some of it is still a picture"
