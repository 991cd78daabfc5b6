"""The HTTP service (extra `web`): one gate, several dialects, the same operations as the command line.

A request passes the gate (`gate.py`: framing, Host, Origin, token or session, body), then a route of a dialect. A
dialect is a module that exposes `DIALECT`; `app.DIALECTS` lists them. All of one:

    @needs(Scope.READ)
    async def one(request: Request) -> Response:
        sequence = int(request.path_params["sequence"])
        row = await read(request, lambda store: store.system_job(sequence))
        return JSONResponse(system_job_document(row))

    @needs(Scope.MANAGE)
    async def pause(request: Request) -> Response:
        sequence = int(request.path_params["sequence"])
        row = await write(request, lambda store: control.pause(store, sequence))
        return JSONResponse(system_job_document(row))

    def routes() -> list[Route]:
        return [Route("/mine/{sequence:int}", one), Route("/mine/{sequence:int}/pause", pause, methods=["POST"])]

    DIALECT = Dialect("/mine", routes, render, Description(openapi.paths, openapi.schemas, "MyError"))

* Every endpoint says who may: `@needs(scope)`, `@needs(scope, change=scope)` where methods other than GET and HEAD
  need another one, or `@public`. `create_app` refuses routes that say nothing.
* `read` gives a function a snapshot of the store, in a thread. What it returns must not need the store any more.
* `write` gives a function a store that acts as the caller (`token:NAME`), for control's operations. All that it does is
  one change: it is undone when the function raises, and committed before `write` returns, together with what other
  requests asked meanwhile. Nothing but the store may be changed in it; files are deleted afterwards.
* `act` gives a function a store of its own, whose operations commit one by one: for what takes several commits.
* Payloads are read by `payloads.py` only; what is wrong there, and every JobctlError, becomes a `Failure`, which the
  `render` of the dialect whose prefix the path has turns into an answer in its own form.
* The `Description` is the dialect's part of `/openapi.json`: its paths, with what it answers itself (a response that is
  None is the common one of that status), its schemas, and which of those its failures have. Who may, and what the gate
  refuses, is added by `openapi.py`. Pages have none.
* `events.stream` answers with server-sent events, `watching.Watcher` wakes them.
"""
