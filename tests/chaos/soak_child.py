#!/usr/bin/env python3
"""tests/chaos/soak_child.py PORT - a backend that the gateway runs itself: a
paced answer, in the words that clients of these tests can check."""
import asyncio
import os
import sys

sys.path.insert(0, os.path.dirname(__file__))
from upstream import TOKENS, Upstream  # noqa: E402


async def paced(call):
    if not call.streamed:
        await call.answer()
        return
    await call.begin()
    for i in range(TOKENS):
        await call.event(call.token(i))
        await asyncio.sleep(0.02)
    await call.finish()
    await call.done()


async def main():
    await Upstream(paced, "child").start(int(sys.argv[1]))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
