"""What an upstream can do wrong, and what has to come of it: the words for it.

Each fault is a script (upstream.py) with what is expected of a streamed call
and of one that is not: Fine (the answer is whole in spite of it), Before (it
fails before anything went to the client) or After (the client has had tokens,
so that it hears of the failure in the stream). They are in faults_wire.py,
faults_answers.py and faults_bytes.py.
"""
from dataclasses import dataclass

from upstream import TOKENS

TTFT = GAP = 0.8  # deadlines of an attempt, in the configuration
TOTAL = 2.0
CONNECT = 0.5
LONG = 3.0  # later than all of them


@dataclass(frozen=True)
class Fine:
    """Whole, from the one that misbehaves."""

    words: int = TOKENS


@dataclass(frozen=True)
class Before:
    """Nothing has been seen of it. `own`: the status and words are the
    upstream's. `moves_on`: another serving is tried."""

    fault: str
    status: int = 502
    own: bool = False
    moves_on: bool = True
    retry_after: tuple = ()  # bounds in seconds of what the client is told


@dataclass(frozen=True)
class After:
    """The stream ends in an error event that names the fault."""

    fault: str


@dataclass(frozen=True)
class Fault:
    name: str
    script: object
    streamed: object  # Fine, Before, After or None: there is no such case
    whole: object
    where: str = "tcp"  # or what else about the address is wrong
    heavy: bool = False  # keeps a processor busy


FAULTS = []


def fault(streamed, whole, where="tcp", heavy=False):
    def register(script):
        FAULTS.append(Fault(script.__name__, script, streamed, whole, where,
                            heavy))
        return script
    return register


def both(expected, where="tcp", heavy=False):
    return fault(expected, expected, where, heavy)


LATE = (Before("ttft_timeout", 504), Before("total_timeout", 504))
CUT = (After("cut"), Before("cut"))
# a reset may overtake what came before it
RESET = (After("cut|reset"), Before("cut|reset"))
BAD = Before("bad_answer")
SERVER = Before("server_error")


async def half_and_no_more(call):
    """A stream fails by its gap, what is whole by its total time."""
    if not call.streamed:
        call.cause(TOTAL)
    await call.half()
    if call.streamed:
        call.cause(GAP)
    await call.gone()
