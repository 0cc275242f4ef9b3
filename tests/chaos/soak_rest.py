"""What there is while nothing is going on, and how much of it may be new."""
import os
import time
from dataclasses import dataclass

from stage import wait_for

SANITIZED = "asan" in os.environ.get("POINTSMAN", "")
# of memory; a sanitizer's allocator keeps more, and says itself at the end
# what has leaked
GROWTH = 0.25 if SANITIZED else 0.05
LEAST = 2  # MB, where that is more: a soak of few cases
KEPT_FREE = 48  # MB that its heaps may keep, of what was freed
KEPT = 16  # descriptors of pools that have grown
POOLED = 60  # seconds that those live which are not used
BOUND = 32  # MiB: less than it has
GIVEN_BACK = 3  # seconds: that is done once a second


@dataclass
class Rest:
    idle: bool
    descriptors: int
    kept: float  # MB resident, as it was found
    resident: float  # and with what was freed given back


def at_rest(stage, most=None):
    """`most`: so many descriptors are waited for, as long as pools keep what
    a burst has made them grow."""
    try:
        wait_for(stage.at_rest, 30, "every gauge at 0")
        idle = True
    except AssertionError:
        idle = False
    time.sleep(2)  # connections that clients have closed
    end = time.monotonic() + POOLED
    while most is not None and len(stage.descriptors()) > most \
            and time.monotonic() < end:
        time.sleep(1)
    descriptors, kept = len(stage.descriptors()), stage.resident_mb()
    stage.bound_memory(BOUND)
    time.sleep(GIVEN_BACK)
    resident = stage.resident_mb()
    stage.bound_memory(0)
    return Rest(idle, descriptors, kept, resident)


def judge(before, after, books):
    idle = before.idle and after.idle
    books.add("gauges of what is in flight", 0 if idle else "more", 0, idle)
    most = before.descriptors + KEPT
    books.add("descriptors at rest, but for pools",
              f"{before.descriptors}, then {after.descriptors}",
              f"at most {most}", after.descriptors <= most)
    grown = after.resident - before.resident
    most = max(GROWTH * before.resident, LEAST)
    books.add("resident at rest, after the warm-up and at the end",
              f"{before.resident:.1f}, then {after.resident:.1f} MB "
              f"({grown / before.resident:+.1%})", f"at most +{most:.1f} MB",
              grown <= most)
    free = after.kept - after.resident
    books.add("freed, and not given back unasked", f"{free:.1f} MB",
              f"at most {KEPT_FREE} MB", free <= KEPT_FREE or SANITIZED)
