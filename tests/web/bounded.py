"""The service with other bounds than the command's, in a process of its own: `python -m tests.web.bounded JSON`."""

from __future__ import annotations

import json
import os
import sys

from jobctl import clock, config
from jobctl.store import Store
from jobctl.web import server
from jobctl.web.app import create_app
from jobctl.web.settings import Settings


def main() -> None:
    home, own = config.load(os.environ), clock.system_clock()
    Store.open(home, own, "jobctl").close()
    settings = Settings(port=0, **json.loads(sys.argv[1]))
    listener = server.listen(settings)
    app = create_app(home, own, settings)
    said = json.dumps({"serve": {"url": server.address(listener, settings)}})
    server.serve(app, listener, settings, lambda: print(said, flush=True))


if __name__ == "__main__":
    main()
