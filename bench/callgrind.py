"""Reads what callgrind writes: whose instructions they are.

A cost line belongs to the object (ob=) and source file (fl=, fi=, fe=) named
last, or where that is a library's header to the function's own file; the line
behind calls= is what a call cost altogether, and belongs to nobody but the
pair of caller and callee. Names are given once, as "(7) name", and afterwards
as "(7)".
"""
import collections
import os
import re

ROOMS = ("gateway/front", "gateway/upstream", "gateway/dialects",
         "gateway/telemetry", "gateway/conf", "gateway/admin", "gateway/lib",
         "gateway", "backends", "policies", "router")
LIBRARY = re.compile(r"(lib[a-z]+|ld-linux|vgpreload)")
ALLOCATORS = ("malloc", "calloc", "realloc", "strdup", "posix_memalign")
SYSCALLS = ("read", "write", "readv", "writev", "recv", "recvfrom", "recvmsg",
            "send", "sendto", "sendmsg", "epoll_wait", "epoll_pwait",
            "epoll_ctl", "accept4", "close", "socket", "connect", "poll",
            "getsockopt", "setsockopt", "fcntl", "ioctl", "timerfd_settime",
            "getpeername", "getsockname", "shutdown", "sendfile", "futex")
NONSENSE = 1 << 50  # of a call that had begun before counting did
SERVANTS = ("libc", "vgpreload", "ld-linux", "libm", "vdso")


def room_of(ob, path):
    """A folder of ours, or a library's name; None: ours, but not known."""
    name = os.path.basename(ob)
    if name.startswith("pointsman"):
        for room in ROOMS:
            if f"/{room}/" in f"/{path}":
                return room
        return None
    found = LIBRARY.match(name)
    return found.group(1) if found else "vdso"


class Costs:
    """Sums over the files of one dump."""

    def __init__(self):
        self.own = collections.Counter()  # by room
        self.lent = collections.Counter()  # in libc, by the calling room
        self.errands = collections.Counter()  # lent, by (room, name)
        self.functions = collections.Counter()  # own, by (room, name)
        self.allocations = collections.Counter()  # calls, by room
        self.allocators = collections.Counter()  # calls, by (room, function)
        self.syscalls = collections.Counter()  # calls, by name

    def total(self):
        return sum(self.own.values())

    def add(self, path):
        Reader(self).read(path)


class Reader:
    def __init__(self, costs):
        self.costs = costs
        self.names = {"ob": {}, "fl": {}, "fn": {}}
        self.at = {"ob": "", "fl": "", "home": "", "fn": "", "cob": "",
                   "cfn": ""}
        self.rooms = {}

    def name(self, kind, text):
        """The name behind "(7) name" or "(7)"."""
        number, _, name = text.partition(" ")
        if not number.startswith("("):
            return text
        if name:
            self.names[kind][number] = name
        return self.names[kind].get(number, "?")

    def room(self, ob, path):
        key = ob, path
        if key not in self.rooms:
            self.rooms[key] = room_of(ob, path)
        return self.rooms[key]

    def read(self, path):
        calls = 0
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                line = line.rstrip("\n")
                if line[:1] in "0123456789+-*" and line:
                    self.cost(int(line.split()[1]), calls)
                    calls = 0
                elif line.startswith("calls="):
                    calls = int(line[6:].split()[0])
                elif "=" in line:
                    self.where(*line.split("=", 1))

    def where(self, what, text):
        at = self.at
        if what == "ob":
            at["ob"] = self.name("ob", text)
        elif what in ("fl", "fi", "fe"):
            at["fl"] = self.name("fl", text)
            if what == "fl":
                at["home"] = at["fl"]
        elif what == "fn":
            at["fn"] = self.name("fn", text)
            at["cob"] = ""
        elif what == "cob":
            at["cob"] = self.name("ob", text)
        elif what in ("cfi", "cfl"):
            self.name("fl", text)
        elif what == "cfn":
            at["cfn"] = self.name("fn", text)

    def cost(self, instructions, calls):
        at, costs = self.at, self.costs
        room = (self.room(at["ob"], at["fl"]) or
                self.room(at["ob"], at["home"]) or "pointsman, other")
        if calls == 0:
            costs.own[room] += instructions
            costs.functions[room, plain(at["fn"])] += instructions
            return
        callee = self.room(at["cob"] or at["ob"], "")
        at["cob"] = ""
        if callee not in SERVANTS or room in SERVANTS:
            return
        name = plain(at["cfn"])
        if instructions < NONSENSE:
            costs.lent[room] += instructions
            costs.errands[room, name] += instructions
        if name in ALLOCATORS:
            costs.allocations[room] += calls
            costs.allocators[room, plain(at["fn"])] += calls
        elif name in SYSCALLS:
            costs.syscalls[name] += calls


def plain(function):
    """Without versions, recursion levels and aliases of libc."""
    name = re.split(r"[@']", function)[0]
    for prefix in ("__GI_", "__libc_", "__"):
        if name.startswith(prefix):
            name = name[len(prefix):]
    return name
