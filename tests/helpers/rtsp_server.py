"""A real RTSP server (GStreamer's) for tests, as a process of its own bound to 127.0.0.1.

Run by the SYSTEM's python3, which alone can import GStreamer's bindings; see PACKAGES. Mount points: /live
(H.264, moving, 320x180 at 15 a second), /h265 and /mjpeg; where a password is given, only for user "operator".
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

PACKAGES = (
    "python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-rtsp glib-networking"
)
"""Debian packages that the test server needs."""
SYSTEM_PYTHON = "/usr/bin/python3"
_CODECS = {
    "/live": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph264pay config-interval=1 pt=96",
    "/h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=15 ! rtph265pay config-interval=1 pt=96",
    "/mjpeg": "jpegenc ! rtpjpegpay pt=26",
}
LAUNCHES = {
    path: "( videotestsrc is-live=1 pattern=ball ! video/x-raw,format=I420,width=320,height=180,framerate=15/1 "
    f"! {codec} name=pay0 )"
    for path, codec in _CODECS.items()
}


class RtspServer:
    """A running server. `freeze` = a camera that hangs, `kill` = unplugged, `start` again = rebooted."""

    def __init__(
        self, password: str = "", cert: str = "", transport: str = "", launches: Mapping[str, str] | None = None
    ) -> None:
        """`cert`: a file with key and certificate; then it speaks TLS alone. `transport`: "udp" or "tcp" alone.

        `launches`: further mount points, path -> GStreamer's launch line; one that reads a file begins anew for
        each client.
        """
        self._launches = dict(launches or {})
        self._password, self._cert, self._transport = password, cert, transport
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start (again, on the same port)."""
        settings = json.dumps(
            {
                "port": self.port, "password": self._password, "cert": self._cert, "transport": self._transport,
                "launches": self._launches,
            }
        )  # fmt: skip
        environment = {"PATH": os.environ.get("PATH", ""), "GST_DEBUG": "0", "HOME": os.environ.get("HOME", "/")}
        self._process = process = subprocess.Popen(
            [SYSTEM_PYTHON, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(settings.encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line.strip().isdigit():
            self.kill()
            raise AssertionError(f"the RTSP test server does not start; Debian packages: apt-get install {PACKAGES}")
        self.port = int(line)

    @property
    def uri(self) -> str:
        return self.address("/live")

    def address(self, path: str) -> str:
        return f"rtsp{'s' if self._cert else ''}://127.0.0.1:{self.port}{path}"

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, without a goodbye."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None


def _open_to_all(auth, factories, module) -> None:  # type: ignore[no-untyped-def]  # of the system's python3
    """A server with TLS asks for rights even where there is no password."""
    permissions = module.RTSPPermissions()
    for right in ("access", "construct"):
        permissions.add_permission_for_role("anonymous", f"media.factory.{right}", True)
    for factory in factories:
        factory.set_permissions(permissions)
    token = module.RTSPToken()
    token.set_string("media.factory.role", "anonymous")
    auth.set_default_token(token)


def serve() -> None:
    """In the system's python3: serve until stdin ends."""
    import threading

    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

    settings = json.loads(sys.stdin.readline())
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(settings["port"]))
    launches = LAUNCHES | settings["launches"]
    factories = {path: GstRtspServer.RTSPMediaFactory() for path in launches}
    lower = __import__("gi.repository.GstRtsp", fromlist=["x"]).RTSPLowerTrans
    for path, factory in factories.items():
        factory.set_launch(launches[path])
        factory.set_shared("filesrc" not in launches[path])
        if settings["transport"]:
            factory.set_protocols({"udp": lower.UDP, "tcp": lower.TCP}[settings["transport"]])
    auth = GstRtspServer.RTSPAuth() if settings["password"] or settings["cert"] else None
    if settings["cert"]:
        from gi.repository import Gio

        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(settings["cert"]))
        server.set_auth(auth)
    if settings["password"]:
        # "anonymous" may see that there is something, but not open it: that makes a 401, not a 404.
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("operator", "media.factory.access", True)
        permissions.add_permission_for_role("operator", "media.factory.construct", True)
        permissions.add_permission_for_role("anonymous", "media.factory.access", True)
        permissions.add_permission_for_role("anonymous", "media.factory.construct", False)
        for factory in factories.values():
            factory.set_permissions(permissions)
        auth.set_supported_methods(__import__("gi.repository.GstRtsp", fromlist=["x"]).RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "operator")
        auth.add_digest("operator", settings["password"], token)
        stranger = GstRtspServer.RTSPToken()
        stranger.set_string("media.factory.role", "anonymous")
        auth.set_default_token(stranger)
        server.set_auth(auth)
    elif auth:
        _open_to_all(auth, factories.values(), GstRtspServer)
    for path, factory in factories.items():
        server.get_mount_points().add_factory(path, factory)
    loop = GLib.MainLoop()
    if server.attach(None) == 0:
        sys.exit("the port is taken")
    print(server.get_bound_port(), flush=True)

    def watch() -> None:
        while sys.stdin.readline():
            continue
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    serve()
