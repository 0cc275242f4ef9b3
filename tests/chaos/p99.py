#!/usr/bin/env python3
"""tests/chaos/p99.py [SECONDS] - what a fault costs those who could be served
elsewhere: p99 of a stream's whole time while the cheapest backend has that
fault, next to p99 of the other backend alone.

Each fault has DETECT seconds to be noticed, then is measured for SECONDS; what
it is compared with is measured just before it. For a quiet machine."""
import asyncio
import json
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from cases import all_cases  # noqa: E402
from soak_stage import SoakStage, key_of  # noqa: E402
from stage import model_of  # noqa: E402
from harness import POINTSMAN  # noqa: E402

CHOSEN = ("refused", "never_accepts", "accepts_and_never_answers",
          "first_token_too_late", "closes_without_a_word", "status_500",
          "status_503", "status_429_for_seconds", "status_401",
          "ok_and_html", "certificate_expired", "http2_and_never_answers")
DETECT = 4
RATE = 150
LIMIT = 1.5


class P99Stage(SoakStage):
    def models(self):
        return super().models() + [model_of("calm", ["bulk0"])] + [
            model_of("p99-" + c.name, [c.name, "bulk0"]) for c in self.cases]

    async def p99(self, model, seconds):
        """(ms, how many, how many failed)"""
        env = {**os.environ, "SOAK_KEY": key_of("red")}
        p = await asyncio.create_subprocess_exec(
            POINTSMAN, "loadtest", "--url",
            f"http://127.0.0.1:{self.gateway.port}/v1", "--class",
            f"name=it,model={model},key=env:SOAK_KEY,slo=plain",
            "--rate", str(RATE), "--duration", f"{seconds}s",
            "--prompt-tokens", "50", "--max-tokens", "16", "--json",
            env=env, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL)
        out, _ = await p.communicate()
        row = json.loads(out)["named"]["it"]
        return (row["total_ms"]["p99"], row["requests"],
                row["failed"] + row["shed"])


def cases():
    """One for each fault that a stream can be moved away from: a dozen of
    them, or those that CHAOS_ONLY is part of the name of."""
    only = os.environ.get("CHAOS_ONLY")
    return [c for c in all_cases()
            if c.streamed and c.healthy and not c.later and c.moves_on()
            and not c.fault.heavy
            and (only in c.name if only else c.fault.name in CHOSEN)]


async def measure(seconds):
    chosen = cases()
    stage, bad = P99Stage(chosen), 0
    try:
        await stage.start()
        print("| fault | p99 without, ms | p99 with, ms | ratio | failed |\n"
              "|---|---:|---:|---:|---:|")
        for case in chosen:
            bad += await row(stage, case, seconds)
        await stage.stop()
    finally:
        await stage.end()
    print(f"\n{bad} of {len(chosen)} beyond {LIMIT}")
    return 1 if bad else 0


async def row(stage, case, seconds):
    calm, _, _ = await stage.p99("calm", seconds)
    await stage.p99("p99-" + case.name, DETECT)
    with_it, n, failed = await stage.p99("p99-" + case.name, seconds)
    ratio = with_it / calm
    print(f"| {case.fault.name} | {calm:.1f} | {with_it:.1f} | {ratio:.2f} | "
          f"{failed} of {n} |", flush=True)
    return ratio > LIMIT or failed > 0


if __name__ == "__main__":
    sys.exit(asyncio.run(measure(
        int(sys.argv[1]) if len(sys.argv) > 1 else 8)))
