"""The service with other bounds than the command's, in a process of its own: `python -m tests.web.bounded JSON`.

`send_buffer` is that of the kernel for each connection, which else takes over megabytes.
"""

from __future__ import annotations

import json
import os
import socket
import sys

from jobctl import clock, config
from jobctl.store import Store
from jobctl.web import server
from jobctl.web.app import create_app
from jobctl.web.settings import Settings


def main() -> None:
    home, own = config.load(os.environ), clock.system_clock()
    Store.open(home, own, "jobctl").close()
    bounds = json.loads(sys.argv[1])
    send_buffer = bounds.pop("send_buffer", None)
    settings = Settings(port=0, **bounds)
    listener = server.listen(settings)
    if send_buffer is not None:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    app = create_app(home, own, settings)
    said = json.dumps({"serve": {"url": server.address(listener, settings)}})
    server.serve(app, listener, settings, lambda: print(said, flush=True))


if __name__ == "__main__":
    main()
