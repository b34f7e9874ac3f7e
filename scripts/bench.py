"""What the measurements of `compare` share: how much is done, what is remembered
and printed of it, and the server that most of them use."""

import os
import re
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass

import peers
from measure import SCRIPTS, Failed, Server


@dataclass(frozen=True)
class Stall:
    """A load at a rate, and a server that answers nobody for a while."""

    rate: int = 1_000
    users: int = 10
    run_s: float = 10
    at_s: float = 5
    for_s: float = 1


@dataclass
class Sizes:
    """How much of everything is done."""

    clients: tuple = ("onrush", "wrk", "h2load", "oha", "hey", "ab")
    # Instructions: two runs of different length; their difference has no
    # start-up in it.
    few: int = 3_200
    many: int = 12_800
    few_s: float = 2
    many_s: float = 8
    # Processor time.
    pairs: int = 5
    pair_s: float = 3
    pair_requests: int = 30_000
    # Memory.
    connections: int = 10_000
    grow_from: int = 200_000
    grow_to: int = 2_000_000
    # Waves: users, waves.
    waves: tuple = ((100, 200), (1_000, 60))
    # Start-up.
    starts: int = 200
    # At a rate.
    clients_at_rate: tuple = tuple(peers.AT_RATE)
    stall: Stall = Stall()
    # Pacing: requests per second, connections.
    paces: tuple = ((1_000, 10), (10_000, 50))
    pace_s: float = 5
    pace_rounds: int = 5


SMOKE = Sizes(clients=("onrush",), few=640, many=1_920, few_s=1, many_s=2, pairs=1, pair_s=0.5, pair_requests=1_000,
              connections=200, grow_from=2_000, grow_to=20_000, waves=((10, 20),), starts=10,
              clients_at_rate=("onrush",), stall=Stall(run_s=2, at_s=1, for_s=0.2), paces=((1_000, 10),), pace_s=2,
              pace_rounds=1)


class Bench:
    """One invocation: its sizes, its scratch directory, and what it printed."""

    def __init__(self, sizes, scratch):
        self.sizes = sizes
        self.scratch = scratch
        self.missing = []
        self.commands = []

    # --- Running clients

    def client(self, name, load, flags=()):
        """The command line of a client, and where onrush leaves its summary."""
        if name != "onrush":
            return peers.COMMANDS[name](load), None
        summary = os.path.join(self.scratch, "summary.json")
        if os.path.exists(summary):
            os.unlink(summary)
        return peers.onrush(load, flags, summary), summary

    def figure(self, name, what, measured):
        """The value of a measurement, or why there is none. A second attempt
        is made: these machines are shared."""
        progress(f"{what}: {name}")
        for attempt in range(2):
            try:
                return measured()
            except (Failed, OSError, ValueError, KeyError) as error:
                reason = str(error) or type(error).__name__
                if attempt or "not installed" in reason:
                    break
        if name == "onrush":
            self.missing.append(f"{what}: {reason}")
        return f"failed: {reason}"

    def record(self, argv):
        """Remembers a command line for the text below the table."""
        line = shlex.join(argv).replace(self.scratch + "/", "").replace(peers.ONRUSH, "onrush")
        line = re.sub(r"(127\.0\.0\.1):\d+", r"\1:PORT", line)
        if line not in self.commands:
            self.commands.append(line)

    # --- Printing

    def table(self, title, header, rows, text):
        print(f"\n## {title}\n")
        print("| " + " | ".join(header) + " |")
        print("|" + "---|" * len(header))
        for row in rows:
            print("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |")
        print(f"\n{text}\n")
        if self.commands:
            print("```text")
            print("\n".join(self.commands))
            print("```")
        self.commands.clear()
        sys.stdout.flush()


def progress(text):
    print(f"... {text}", file=sys.stderr, flush=True)


def shown(value, unit="", digits=0):
    """A cell: the number, or why there is none."""
    return value if isinstance(value, str) else f"{value:,.{digits}f}{unit}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def onrush_serve():
    port = free_port()
    return Server([peers.ONRUSH, "serve", "--listen", f"127.0.0.1:{port}"], port)


def shell(function, *arguments):
    """Calls a function of lib.sh."""
    subprocess.run(["bash", "-c", 'source "$0" && "$@"', os.path.join(SCRIPTS, "lib.sh"), function, *arguments],
                   stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True, timeout=1800)
