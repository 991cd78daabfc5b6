"""Where jobctl keeps its things, and what the environment says about it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from jobctl.errors import CannotOpen, NotPermitted
from jobctl.records import dataclass

RETENTION = {
    "retention": "JOBCTL_RETENTION",
    "retention_failed": "JOBCTL_RETENTION_FAILED",
    "retention_logs": "JOBCTL_RETENTION_LOGS",
}


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of this process: flag over environment over default."""

    home: Path
    """Absolute. Holds the database, the locks, `run/` (sockets, journals) and `logs/`."""
    color: str = "auto"
    notify: tuple[str, ...] = ()
    """Whom the daemon tells of every job, beside whom the job names."""
    retention: str = "30d"
    """How long completed system jobs are kept, and those that failed; `off`: for ever."""
    retention_failed: str = "90d"
    retention_logs: str = "1G"
    """How much output is kept in all."""

    @property
    def database(self) -> Path:
        return self.home / "jobctl.db"

    @property
    def write_lock(self) -> Path:
        return self.home / "write.lock"

    @property
    def daemon_lock(self) -> Path:
        return self.home / "daemon.lock"

    @property
    def run_directory(self) -> Path:
        return self.home / "run"

    @property
    def log_directory(self) -> Path:
        return self.home / "logs"


def variables() -> Mapping[bytes, bytes]:
    """The environment as it is now, for what reads it at every submission: nothing is encoded, decoded or raised."""
    found: Mapping[bytes, bytes] | None = getattr(os.environ, "_data", None)
    if found is None:  # something else was put in its place
        return {os.fsencode(name): os.fsencode(value) for name, value in os.environ.items()}
    return found


def load(environ: Mapping[str, str], *, home: str | None = None, color: str | None = None) -> Config:
    """The settings that the flags (where given) and the environment ask for."""
    chosen = home or environ.get("JOBCTL_HOME") or default_home(environ)
    targets = (line.strip() for line in environ.get("JOBCTL_NOTIFY", "").splitlines())
    return Config(
        home=Path(os.path.abspath(chosen)),
        color=color or environ.get("JOBCTL_COLOR", "auto"),
        notify=tuple(filter(None, targets)),
        **{name: environ[variable] for name, variable in RETENTION.items() if environ.get(variable)},
    )


def default_home(environ: Mapping[str, str]) -> str:
    """`/var/lib/jobctl` for root, else the user's XDG state directory."""
    if os.geteuid() == 0 and not environ.get("XDG_STATE_HOME"):
        return "/var/lib/jobctl"
    import platformdirs  # only without JOBCTL_HOME: it costs start-up time

    return platformdirs.user_state_dir("jobctl")


def ensure_home(config: Config) -> None:
    """Create the home and its directories, 0700 whatever the umask.

    Raises CannotOpen or NotPermitted in one sentence.
    """
    try:
        for directory in (*reversed(config.home.parents), config.home, config.run_directory, config.log_directory):
            if not directory.is_dir():
                directory.mkdir(mode=0o700, exist_ok=True)
        if config.home.stat().st_mode & 0o077:
            config.home.chmod(0o700)
    except PermissionError as error:
        raise NotPermitted(f"cannot use the home {config.home}: {error.strerror}") from None
    except FileExistsError:
        raise CannotOpen(f"the home {config.home} is not a directory; set JOBCTL_HOME to one") from None
    except OSError as error:
        raise CannotOpen(f"cannot create the home {config.home}: {error.strerror}") from None
