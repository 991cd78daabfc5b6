"""jobctl, its peers and the floors, measured in one run: `python -m bench`.

Without options everything is measured, which takes about half an hour. What cannot be measured here (a peer that is
not installed) is named as skipped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import machine, plots, readme, report
from bench.measure import Results, Run, measure, say
from bench.sections import SECTIONS

SIZES = {
    "ready_rows": (1_000_000, "ready system jobs of the section scale"),
    "completed_rows": (10_000_000, "completed system jobs of the section scale"),
    "burst_rows": (1_000_000, "system jobs due at one instant in the section burst"),
    "burst_seconds": (40, "for how long the section burst watches"),
    "idle_seconds": (45, "for how long the section idle watches"),
    "schedules": (10_000, "schedules ahead in the section idle"),
    "instants": (200, "due instants of a repetition; half as many submissions"),
}


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--only", metavar="A,B", help=f"these sections: {', '.join(SECTIONS)}")
    found.add_argument("--contestants", metavar="A,B", help="only these of each section")
    found.add_argument("--repetitions", type=int, metavar="N", help="of each contestant; by default 3 or 5")
    found.add_argument("--seconds", type=float, default=3.0, help="that a rate is measured for")
    found.add_argument("--short", action="store_true", help="a little of everything, to see that it works")
    found.add_argument("--json", type=Path, metavar="FILE", help="write the figures, settings and versions")
    found.add_argument("--add", action="store_true", help="add to what FILE holds: one run in several parts")
    found.add_argument("--brief", action="store_true", help="print only the table of targets, with the versions")
    found.add_argument("--readme", action="store_true", help="print the README's section on performance instead")
    found.add_argument("--plots", type=Path, metavar="DIR", help="write the plots (SVG)")
    found.add_argument("--data", type=Path, metavar="DIR", help="keep the large databases here for another run")
    found.add_argument("--merge", type=Path, nargs="+", metavar="FILE", help="measure nothing: one table of these")
    for name, (default, words) in SIZES.items():
        option = f"--{name.replace('_', '-')}"
        found.add_argument(option, type=int, default=default, metavar="N", help=f"{words} ({default:,})")
    return found


def measured(options: argparse.Namespace) -> tuple[Results, dict[str, Any]]:
    data = options.data or Path(tempfile.mkdtemp(prefix="jobctl-bench-data-"))
    sizes = {name: getattr(options, name) for name in SIZES}
    results, rates = begun(options)

    def make_run(directory: Path) -> Run:
        seconds = 0.05 if options.short else options.seconds
        return Run(directory, options.short, seconds, data, rates, sizes)

    try:
        for name in (options.only or ",".join(SECTIONS)).split(","):
            section = SECTIONS[name]
            repetitions = options.repetitions or (1 if options.short else section.repetitions)
            wanted = options.contestants.split(",") if options.contestants else ()
            part: Results = {name: {}}
            try:
                measure(section, repetitions, make_run, wanted, part[name])
            finally:
                report.merge(results, part)
    except KeyboardInterrupt:
        say("interrupted: what follows is what was measured until now")
    finally:
        if options.data is None:
            shutil.rmtree(data, ignore_errors=True)
    results = {name: results[name] for name in SECTIONS if name in results}
    return results, {**machine.describe(), "short": options.short}


def begun(options: argparse.Namespace) -> tuple[Results, dict[str, float]]:
    """What an earlier part of this run has found, and the rates by which this part is sized."""
    if not (options.add and options.json and options.json.exists()):
        return {}, {}
    results, _ = report.read(options.json)
    medians = {(name, one): result.median("per_second") for name, s in results.items() for one, result in s.items()}
    return results, {f"{name}.{one}": rate for (name, one), rate in medians.items() if rate is not None}


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):  # either way what was started is ended
        signal.signal(number, signal.default_int_handler)
    options = parser().parse_args()
    unknown = set((options.only or "").split(",")) - set(SECTIONS) - {""}
    if unknown:
        parser().error(f"no section {', '.join(sorted(unknown))}; there are: {', '.join(SECTIONS)}")
    if options.merge:
        results: Results = {}
        about: dict[str, Any] = {}
        for path in options.merge:
            more, about = report.read(path)
            report.merge(results, more)
        results = {name: results[name] for name in SECTIONS if name in results}
    else:
        results, about = measured(options)
    print(readme.section(results, about) if options.readme else report.whole(SECTIONS, results, about, options.brief))
    if options.json:
        options.json.write_text(json.dumps(report.document(results, about), indent=1) + "\n", encoding="utf-8")
    for path in plots.write(results, options.plots) if options.plots else ():
        say(f"drawn: {path}")
    failed = [
        name for found in results.values() for name, one in found.items() if (one.skipped or "").startswith("it failed")
    ]
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
