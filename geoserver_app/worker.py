"""One serving process: `python -m geoserver_app.worker PARENT READY`, started by `geoserver_app.serve`.

PARENT is the supervisor's process id, READY the descriptor of a pipe that is told when requests
are taken. The settings come from the environment.
"""

import ctypes
import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

import uvicorn

from geoserver_app.settings import Settings, read_settings

STOP_SECONDS = 5
"""Answers still being sent when the server stops have this long to end."""
PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""


def listen_on(settings: Settings, *, reuse: bool = True) -> socket.socket:
    """A bound socket of this process's own on the shared port: the kernel spreads connections over them.

    ``reuse`` allows for connections of an earlier server that are still winding down.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    found = socket.socket(family, kind, protocol)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
    try:
        found.bind(address)
    except OSError:
        found.close()
        raise
    return found


class Worker(uvicorn.Server):
    """Tells the supervisor when the application has started."""

    def __init__(self, config: uvicorn.Config, ready: int) -> None:
        super().__init__(config)
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            with suppress(BrokenPipeError):  # nobody waits for a worker that replaces another
                os.write(self.ready, b"1")
            os.close(self.ready)


def die_with_parent() -> None:
    """Have the system kill this process when the one that started it is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def die_with(parent: int) -> None:
    """End with the supervisor, so that no orphan holds the port; also where it was gone already."""
    die_with_parent()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def main() -> None:
    parent, ready = map(int, sys.argv[1:])
    die_with(parent)
    settings = read_settings()
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s"
    )
    config = uvicorn.Config(
        "geoserver_app.app:create_app",
        factory=True,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    Worker(config, ready).run(sockets=[listen_on(settings)])


if __name__ == "__main__":
    main()
