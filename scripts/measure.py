"""What one run of a program costs: instructions, processor time, memory.

Every run is bounded in time. `Failed` says in one line why a number is missing.
"""

import functools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

SCRIPTS = os.path.dirname(os.path.abspath(__file__))
CORES = sorted(os.sched_getaffinity(0))
# The client and the server do not share a core where there are two.
CLIENT, SERVER = (CORES[:1], CORES[1:2]) if len(CORES) > 1 else (CORES, CORES)


class Failed(Exception):
    """A measurement that gave no number, and why."""


@dataclass
class Finished:
    """One ended process."""

    output: str
    wall_s: float
    cpu_s: float
    peak_kb: int


def pinned(argv, cores):
    return ["taskset", "-c", ",".join(map(str, cores)), *argv]


def run(argv, cores=CLIENT, limit_s=60.0, may_exit=(0,)):
    """Runs a program to its end on the given cores."""
    if not shutil.which(argv[0]):
        raise Failed(f"{argv[0]} is not installed")
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(pinned(argv, cores), stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        started = time.monotonic()
        deadline = started + limit_s
        peak_kb = 0
        try:
            while True:
                pid, status, usage = os.wait4(process.pid, os.WNOHANG)
                if pid:
                    break
                peak_kb = max(peak_kb, high_water_kb(process.pid))
                if time.monotonic() > deadline:
                    raise Failed(f"{os.path.basename(argv[0])} did not end in {limit_s:.0f} s")
                time.sleep(0.01)
            wall_s = time.monotonic() - started
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode not in may_exit:
        last = (text.strip().splitlines() or [""])[-1]
        raise Failed(f"{os.path.basename(argv[0])} exited with {process.returncode}: {last[:120]}")
    # The kernel's own figure (ru_maxrss) begins with the memory of the process
    # that started this one. It is exact where it is larger than that.
    if usage.ru_maxrss > 1.05 * high_water_kb(os.getpid()):
        peak_kb = usage.ru_maxrss
    return Finished(text, wall_s, usage.ru_utime + usage.ru_stime, peak_kb)


def high_water_kb(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), 0)
    except (OSError, ValueError):
        return 0


@functools.cache
def perf_counts(event):
    """Whether this machine lets us count the event."""
    try:
        return perf_stat(event, ["true"], limit_s=10)[1] > 0
    except Failed:
        return False


def perf_stat(event, argv, limit_s):
    with tempfile.NamedTemporaryFile("r") as counts:
        finished = run(["perf", "stat", "-x", ",", "-o", counts.name, "-e", event, "--", *argv], limit_s=limit_s)
        for line in counts:
            count, _, rest = line.partition(",")
            if event in rest and count.isdigit():
                return finished.output, int(count)
    raise Failed(f"perf counts no {event} here")


def instructions(argv, limit_s):
    """What the program printed, and how many instructions it spent in user
    space, over all its threads."""
    if perf_counts("instructions:u"):
        return perf_stat("instructions:u", argv, limit_s)
    if not shutil.which(argv[0]):
        raise Failed(f"{argv[0]} is not installed")
    # Valgrind's own exit code says little: of its death as of the program's.
    finished = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *argv],
                   limit_s=limit_s, may_exit=range(256))
    collected = re.search(r"Collected : (\d+)", finished.output)
    if not collected:
        raise Failed(f"{os.path.basename(argv[0])} does not run under valgrind")
    return finished.output, int(collected[1])


class Server:
    """A server on its own core, for the length of a `with` block."""

    def __init__(self, argv, port, cores=SERVER):
        self.argv, self.port, self.cores = argv, port, cores

    def __enter__(self):
        self.process = subprocess.Popen(pinned(self.argv, self.cores), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        raise Failed(f"{os.path.basename(self.argv[0])} does not accept on port {self.port}")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


class Witness:
    """A server of this directory that prints what it has seen of its clients
    once they are gone, for the length of a `with` block."""

    def __init__(self, script, *arguments):
        self.argv = pinned([sys.executable, os.path.join(SCRIPTS, script), *map(str, arguments)], SERVER)

    def __enter__(self):
        self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        listening = self.process.stdout.readline().split()
        if not listening:
            self.__exit__()
            raise Failed("the server gave no port")
        self.port = listening[-1]
        return self

    def seen(self):
        """The line of JSON, after the client has ended."""
        try:
            output, complaint = self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired as error:
            raise Failed("the server gave no answer") from error
        if self.process.returncode:
            raise Failed(f"the server saw nothing: {complaint.strip()[-100:]}")
        return json.loads(output.splitlines()[-1])

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
