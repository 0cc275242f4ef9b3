"""Paths that are late, narrow, cut or half open: the upstream is well, and a
relay in front of it is not. Cases as those of the upstreams (cases.py)."""
from cases import all_cases
from faults import RESET, After, Before, Fault, Fine
from relay import Relay

WITHIN_TOKENS = 1000  # bytes: a stream's head and some of its tokens
SOON = 0.02  # seconds: what was sent is seen before what comes next


def path(name, streamed, whole, **relay):
    """(fault, what is the matter with its relay)"""
    async def script(call):
        await call.answer()
    return Fault(name, script, streamed, whole), relay


LATE = Before("ttft_timeout", 504), Before("total_timeout", 504)
PATHS = (
    path("a_path_that_is_late", Fine(), Fine(), latency=0.1),
    path("a_path_that_is_narrow", Fine(), Fine(), rate=4000),
    path("a_path_that_is_reset_at_once", RESET[1], RESET[1], after=0,
         then="reset"),
    path("a_path_that_is_reset_later", RESET[0], None, after=WITHIN_TOKENS,
         then="reset", latency=SOON),
    path("a_path_half_open_at_once", *LATE, after=0, then="vanish"),
    path("a_path_half_open_later", After("gap_timeout"), None,
         after=WITHIN_TOKENS, then="vanish", latency=SOON),
)
RELAYS = {fault.name: relay for fault, relay in PATHS}


def path_cases():
    return all_cases([fault for fault, _ in PATHS])


async def relay_for(case, upstream):
    """None: there is nothing between it and the gateway."""
    settings = RELAYS.get(case.fault.name)
    return settings and await Relay(upstream, **settings).start()
