"""The routes of the page."""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from jobctl.web.dialects import Dialect
from jobctl.web.page import axis, entrance, jobs, month, moves, one, table
from jobctl.web.page.rendering import PREFIX

NUMBER: Final = f"{PREFIX}/{{sequence:int}}"
JOB: Final = f"{PREFIX}/jobs/{{name}}"


def routes() -> list[Route]:
    post = ["POST"]
    return [
        Route("/", entrance.root),
        Route(PREFIX, table.table),
        Route(f"{PREFIX}/live", table.live),
        Route(f"{PREFIX}/sign-in", entrance.sign_in, methods=["GET", "POST"]),
        Route(f"{PREFIX}/sign-out", entrance.sign_out, methods=post),
        Route(f"{PREFIX}/static/{{name}}", entrance.static),
        Route(f"{PREFIX}/timeline", axis.timeline),
        Route(f"{PREFIX}/month", month.month),
        Route(f"{PREFIX}/jobs", jobs.jobs),
        Route(JOB, jobs.job),
        Route(f"{JOB}/run", jobs.run, methods=post),
        Route(f"{JOB}/unschedule", jobs.unschedule, methods=post),
        Route(NUMBER, one.one),
        Route(f"{NUMBER}/live", one.live),
        Route(f"{NUMBER}/log", one.log),
        Route(f"{NUMBER}/{{verb}}", moves.move, methods=post),
    ]


DIALECT: Final = Dialect(PREFIX, routes, entrance.render)
