"""Runs a command with a gateway and two simulated backends behind it.

usage: gateway.py COMMAND [ARGUMENT]...

The command finds the gateway at $BASE_URL; the model `m` answers, `broken`
breaks off in the middle, `down` has no backend that works, `slow` answers
after a few heartbeats, and `late` fails after them. `media` talks, listens and
paints; `cut` breaks off when it talks. `voice` takes sessions.
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from harness import Fake, Gateway, backend  # noqa: E402
from websocket import Server  # noqa: E402


def main():
    good = Fake("--ttft", "5-10", "--rate", "500-500", "--tokens", "8")
    bad = Fake("--tokens", "8", "--rate", "500-500", "--fault", "cut")
    bad.configure(after=3)
    slow = Fake("--ttft", "500-500", "--rate", "500-500", "--tokens", "8")
    late = Fake("--ttft", "500-500", "--fault", "error_first")
    voice = Server()
    key = 'api_key = "env:OPENAI_API_KEY";'
    gateway = Gateway(
        f'backends = ( {backend("good", good.port)}, '
        f'{backend("bad", bad.port)}, {backend("none", 1)}, '
        f'{backend("slow", slow.port)}, {backend("late", late.port)}, '
        f'{backend("media", good.port, key, "openai")}, '
        f'{backend("cut", bad.port, key, "openai")}, '
        f'{backend("voice", voice.port, key, "openai")} );\n'
        'heartbeat = "100ms";\n'
        'models = ( { name = "m"; serve = ( { backend = "good"; '
        'model = "fake-model"; } ); },\n'
        '  { name = "broken"; serve = ( { backend = "bad"; '
        'model = "fake-model"; } ); },\n'
        '  { name = "slow"; serve = ( { backend = "slow"; '
        'model = "fake-model"; } ); },\n'
        '  { name = "late"; serve = ( { backend = "late"; '
        'model = "fake-model"; } ); },\n'
        '  { name = "down"; serve = ( { backend = "none"; '
        'model = "x"; } ); },\n'
        '  { name = "media"; serve = ( { backend = "media"; '
        'model = "fake-model"; } ); },\n'
        '  { name = "cut"; serve = ( { backend = "cut"; '
        'model = "fake-model"; } ); },\n'
        '  { name = "voice"; serve = ( { backend = "voice"; '
        'model = "fake-realtime"; caps = [ "realtime" ]; } ); } );\n', env={"OPENAI_API_KEY": "any"})
    env = dict(os.environ, BASE_URL=f"http://127.0.0.1:{gateway.port}/v1",
               FAKE_URL=f"http://127.0.0.1:{good.port}",
               OPENAI_API_KEY="any")
    try:
        code = subprocess.call(sys.argv[1:], env=env)
    finally:
        stopped = gateway.stop()
        good.stop()
        for fake in (bad, slow, late, voice):
            fake.stop()
    sys.exit(code or stopped)


if __name__ == "__main__":
    main()
