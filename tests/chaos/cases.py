"""The table of cases: each fault, streamed or not, on the first or on a later
attempt, with a healthy serving beside it or alone. What has to come of each
follows from the fault alone."""
from dataclasses import dataclass

from client import BROKEN, ERROR, WHOLE, Wrong
import faults_answers  # noqa: F401
import faults_bytes  # noqa: F401
import faults_wire  # noqa: F401
from faults import FAULTS, TOTAL, After, Before, Fault, Fine
from upstream import TOKENS

FIRST, GOOD = "first", "good"  # their upstreams are shared: none is blamed
PROMPT = [{"role": "user", "content": "hello"}]
HEAVY = 60  # seconds; a machine that does nothing else takes a few
WAITS = 1  # second that a client gives a model which is loading: no second try


@dataclass(frozen=True)
class Case:
    fault: Fault
    streamed: bool
    later: bool  # another serving has failed before
    healthy: bool  # there is one that would answer

    @property
    def name(self):
        return "-".join((self.fault.name,
                         "streamed" if self.streamed else "whole",
                         "later" if self.later else "first",
                         "healthy" if self.healthy else "alone"))

    @property
    def expected(self):
        return self.fault.streamed if self.streamed else self.fault.whole

    @property
    def words(self):
        return self.expected.words if isinstance(self.expected, Fine) \
            else TOKENS

    def moves_on(self):
        return (isinstance(self.expected, Before) and self.healthy
                and self.expected.moves_on)

    def servings(self):
        return ([FIRST] if self.later else []) + [self.name] + (
            [GOOD] if self.healthy else [])

    def faults(self):
        """What its failure may be called."""
        name = getattr(self.expected, "fault", None)
        return name.split("|") if name else [None]

    def attempts(self, mine):
        """(backend, fault) of each, as telemetry has to tell them."""
        return ([(FIRST, "unsuited")] if self.later else []) + [
            (self.name, mine)] + ([(GOOD, None)] if self.moves_on() else [])

    def n_attempts(self):
        return self.later + 1 + self.moves_on()

    def told(self, attempts):
        """Whether that is what has to be told of it."""
        return any(attempts == self.attempts(f) for f in self.faults())

    def patience(self):
        """Seconds within which it is over, on a busy machine too."""
        return HEAVY if self.fault.heavy else TOTAL + 5

    def result(self):
        if isinstance(self.expected, After):
            return BROKEN
        return WHOLE if isinstance(self.expected, Fine) or self.moves_on() \
            else ERROR

    def status(self):
        """Of a client that nobody could answer."""
        if self.expected.fault == "rate_limited" and self.later:
            return 503  # not all of them were
        return self.expected.status

    def request(self):
        body = {"model": self.name, "messages": PROMPT,
                "stream": self.streamed}
        headers = {}
        if getattr(self.expected, "fault", None) == "loading" \
                and not self.healthy:
            headers["x-stainless-read-timeout"] = str(WAITS)
        return body, headers

    # --- what the client saw ---

    def check_answer(self, seen):
        if seen.kind != self.result():
            raise Wrong(f"{seen.kind} {seen.status} {seen.error}, "
                        f"not {self.result()}")
        if seen.kind == ERROR:
            self.check_error(seen)
        elif seen.kind == BROKEN:
            self.check_broken(seen)
        else:
            source = GOOD if self.moves_on() else self.name
            if seen.source != source:
                raise Wrong(f"from {seen.source}, not {source}")
        if seen.attempts() != self.n_attempts():
            raise Wrong(f"{seen.attempts()} attempts, "
                        f"not {self.n_attempts()}")

    def check_error(self, seen):
        if seen.status != self.status():
            raise Wrong(f"status {seen.status}, not {self.status()}, after "
                        f"{seen.attempts()} attempts: {seen.error}")
        if not self.expected.own and seen.status == 502 and not any(
                f in seen.error["message"] for f in self.faults()):
            raise Wrong(f"no word of {self.expected.fault}: {seen.error}")
        if self.expected.retry_after:
            low, high = self.expected.retry_after
            said = float(seen.headers.get("retry-after", "nan"))
            if not low <= said <= high:
                raise Wrong(f"retry-after {said}, not {low} to {high}")

    def check_broken(self, seen):
        if seen.source != self.name or seen.tokens == 0:
            raise Wrong(f"{seen.tokens} tokens from {seen.source!r}")
        if seen.error["code"] != "upstream_failed" or not any(
                f"({f})" in seen.error["message"] for f in self.faults()):
            raise Wrong(f"not {self.expected.fault}: {seen.error}")


def all_cases(faults=None):
    return [Case(f, streamed, later, healthy)
            for f in (FAULTS if faults is None else faults)
            for streamed in (True, False)
            if (f.streamed if streamed else f.whole) is not None
            for later in (False, True)
            for healthy in (False, True)]
