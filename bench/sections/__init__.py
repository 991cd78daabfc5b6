"""What is measured: each section is a set of contestants that take turns."""

from bench.sections.burst import BURST
from bench.sections.idle import IDLE
from bench.sections.instants import DUES, LATENCIES
from bench.sections.notations import NOTATIONS
from bench.sections.rates import BATCHES, CALLABLES, COMMANDS, SLOTS, SUBMIT
from bench.sections.scale import SCALE
from bench.sections.startup import STARTUP

SECTIONS = {
    section.name: section
    for section in (
        CALLABLES, COMMANDS, SUBMIT, BATCHES, LATENCIES, DUES, STARTUP, IDLE, SCALE, BURST, NOTATIONS, SLOTS,
    )
}  # fmt: skip
