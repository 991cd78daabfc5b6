"""`jobctl serve`: the same operations over HTTP."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from jobctl import tokens
from jobctl.commands.context import TEXT, App, json_option, note, pass_app
from jobctl.commands.daemon import Escaped
from jobctl.errors import BadInput, CannotOpen, Refused

if TYPE_CHECKING:
    from jobctl.web.settings import Settings

OF_A_RUN: Final = ("JOBCTL_ID", "JOBCTL_SEQUENCE", "JOBCTL_DEPTH")
NEEDED: Final = ("starlette", "uvicorn", "h11", "jinja2")
FILE: Final = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@click.option("--host", type=TEXT, default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8099, show_default=True, help="0 takes any free one.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    type=TEXT,
    multiple=True,
    help="A name by which clients call it; may be repeated.",
)
@click.option("--certificate", type=FILE, help="For https: the certificate, with those of its issuers (PEM).")
@click.option("--private-key", type=FILE, help="For https: the certificate's key (PEM).")
@click.option("--behind-tls", is_flag=True, help="Clients reach it by https, at a proxy that passes their Host on.")
@json_option
@pass_app
def serve(
    app: App,
    host: str,
    port: int,
    allowed_hosts: tuple[str, ...],
    certificate: Path | None,
    private_key: Path | None,
    behind_tls: bool,
    as_json: bool,
) -> None:
    """Answer over HTTP, in the foreground, until told to stop: the Monitor page, programs, health, metrics.

    The page is for people, at the address that is printed; programs speak Etendo RX's, Dataverse's or Azure
    Scheduler's language.
    Every request needs a token (`jobctl token create`), and only jobs that are defined can be started. It needs no
    daemon to take requests; the daemon runs them. --json prints one document with the address once it listens.

    \b
    Examples:
      jobctl serve
      jobctl serve --host 0.0.0.0 --allowed-host jobs.example.org --certificate jobs.pem --private-key jobs.key
      jobctl serve --behind-tls --allowed-host jobs.example.org
    """
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise CannotOpen(f"serve needs {' and '.join(missing)}: pipx inject jobctl-scheduler 'jobctl-scheduler[web]'")
    if (certificate is None) != (private_key is None):
        raise BadInput("--certificate and --private-key go together")
    if behind_tls and certificate is not None:
        raise BadInput("--behind-tls is for a proxy that has the certificate; leave out one of them")
    from jobctl.web.settings import Settings

    settings = Settings(host, port, allowed_hosts, certificate, private_key, behind_tls)
    for name in OF_A_RUN:  # what callers submit is no child of the run that may have started this
        os.environ.pop(name, None)
    log_to_stderr()
    someone = tokens.any_usable(app.store())
    if not someone and not settings.is_loopback:
        raise Refused(
            f"nobody could be let in, and {host} is not of this machine alone;"
            " make a token first: jobctl token create NAME"
        )
    if not someone:
        note("there is no token yet, and nobody is let in without one; make one: jobctl token create NAME")
    if behind_tls and not settings.is_loopback:
        note("tokens travel unencrypted from the proxy to here; let nobody else reach this port")
    elif certificate is None and not settings.is_loopback:
        note("tokens travel unencrypted; use --certificate, or let only a proxy that does reach this port")
    run(app, settings, as_json)


def run(app: App, settings: Settings, as_json: bool) -> None:
    from jobctl.web import server
    from jobctl.web.app import create_app

    listener = server.listen(settings)
    url = server.address(listener, settings)

    def started() -> None:
        if as_json:
            app.output(True).document(serve={"url": url, "pid": os.getpid(), "home": str(app.config.home)})
            if sys.stdout is not None:
                sys.stdout.flush()  # whoever started it waits for the address
        else:
            note(f"serving {app.config.home} at {url}")

    server.serve(create_app(app.config, app.clock, settings), listener, settings, started)


def log_to_stderr() -> None:
    logging.raiseExceptions = False  # a full or closed stderr must not stop the service
    handler = logging.StreamHandler()
    handler.setFormatter(Escaped("%(asctime)s %(message)s", datefmt="%F %T"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
