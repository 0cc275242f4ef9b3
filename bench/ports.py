"""Ports for the programs that a benchmark or the demo starts."""
import random
import socket
import sys


def free_port():
    """Below those that the kernel gives to outgoing connections, so that a
    dead backend's port is still free when it comes back."""
    for port in random.sample(range(20000, 32000), 100):
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    sys.exit("no free port on 127.0.0.1")
