"""How many threads a command trains with: fewer where other programs keep the cores busy.

The threads of one product wait for each other, and do so by spinning. If another program holds a
core, the thread on it is preempted, and all others spin until it is back: a training with two
threads on two cores, of which one is taken, lasts several times as long as with one thread.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from utsushi.cli.output import note

__all__ = ["limit_threads", "set_threads"]

#: The shortest time over which the use of the cores is measured, in seconds.
SHORTEST = 0.2

#: The variable with which a user chooses the number, which is then left as it is.
CHOSEN = "OMP_NUM_THREADS"

#: A variable of the processes of `torchrun`, which must agree, after a restart too.
OF_TORCHRUN = "WORLD_SIZE"


class _Use(NamedTuple):
    """Seconds since some fixed time: of the clock, of the cores in use, and of this process."""

    clock: float
    cores: float
    own: float


def _usable_cores() -> set[int]:
    return os.sched_getaffinity(0)


def _use() -> _Use | None:
    """Return the use of the usable cores until now; None where the system does not tell."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            lines = [line.split() for line in file if line.startswith("cpu")]
        usable = {f"cpu{core}" for core in _usable_cores()}
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError):
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal: a niced program gives way, and counts
    # as little as an idle core.
    busy = sum(
        int(fields[column]) for fields in lines if fields[0] in usable for column in (1, 3, 6, 7, 8)
    )
    own = os.times()
    return _Use(time.monotonic(), busy / ticks, sum(own[:4]))


#: The use when the program began: reading and importing give the time to measure.
_START = _use()


def _cores_of_others() -> float:
    """Return how many of the usable cores other programs have kept busy since the beginning."""
    if _START is None:
        return 0.0
    time.sleep(max(0.0, _START.clock + SHORTEST - time.monotonic()))
    now = _use()
    if now is None:
        return 0.0
    busy, own = now.cores - _START.cores, now.own - _START.own
    return max(0.0, busy - own) / (now.clock - _START.clock)


def limit_threads() -> None:
    """Take as many threads as there are free cores, and say so if these are fewer.

    The number is left as it is where the user set it by ``OMP_NUM_THREADS``, in a process of
    `torchrun`, and where the system has no ``/proc/stat``.
    """
    import torch

    if _START is None or not os.environ.keys().isdisjoint((CHOSEN, OF_TORCHRUN)):
        return
    threads = torch.get_num_threads()
    free = max(1, round(len(_usable_cores()) - _cores_of_others()))
    if free < threads:
        set_threads(free)
        note(
            f"other programs keep the processor busy: {free} of {threads} threads "
            f"({CHOSEN}={threads} takes all)"
        )


def set_threads(threads: int | None) -> None:
    """Take that many threads, as for a run that is resumed; None leaves the number as it is."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
