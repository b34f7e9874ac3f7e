"""Runs beside a server that knows the truth: ordinary ones, and ones whose tool is
kept from running on purpose; what was printed, what was true, and the verdict."""

import collections
import contextlib
import csv
import itertools
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time

from peers import ONRUSH
from measure import Failed, SCRIPTS

QUANTILES = (("p50", 0.50), ("p90", 0.90), ("p95", 0.95), ("p99", 0.99))
# From these ratios of printed to true on, a run is spoilt, and certainly so.
NOISY, SPOILT = 1.05, 1.25
MODELS = {
    "waves": ["-c", "10"],
    "closed": ["--model", "closed", "-c", "5"],
    "open": ["--rate", "200", "-c", "50"],
}
# How long a target takes, and how long runs beside it last: 24 kinds in three models.
KINDS = {1: (0.1, 2), 5: (0.5, 10), 20: (0.1, 5), 50: (1, 2)}
SPOILT_MS = (1, 5, 20)


@contextlib.contextmanager
def server(*ms):
    """A URL, and a function that ends the server and returns its times."""
    process = subprocess.Popen([sys.executable, os.path.join(SCRIPTS, "truth_server.py"), *map(str, ms)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def end():
        process.send_signal(signal.SIGTERM)
        return json.loads(process.communicate(timeout=10)[0])

    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/", end
    finally:
        process.kill()
        process.wait()


def stopped(on_ms, off_ms):
    """Stops the tool again and again, from its first tenth of a second on."""
    def spoil(process):
        while process.poll() is None:
            for number, ms in ((signal.SIGSTOP, off_ms), (signal.SIGCONT, on_ms)):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(number)
                time.sleep(ms / 1e3)
    return spoil


CGROUPS = ("/sys/fs/cgroup/cpu", "/sys/fs/cgroup")
QUOTA_US, PERIOD_US = 1_000, 100_000


@contextlib.contextmanager
def quota():
    """A control group whose processes share a hundredth of a processor: its directory."""
    root = next((root for root in CGROUPS if os.access(os.path.join(root, "cgroup.procs"), os.W_OK)), None)
    if not root:
        raise Failed("no control group can be made here: that takes root")
    group = os.path.join(root, f"onrush-{os.getpid()}")
    os.mkdir(group)
    try:
        if os.path.exists(os.path.join(group, "cpu.max")):
            limits = {"cpu.max": f"{QUOTA_US} {PERIOD_US}"}
        else:
            limits = {"cpu.cfs_period_us": str(PERIOD_US), "cpu.cfs_quota_us": str(QUOTA_US)}
        for name, value in limits.items():
            with open(os.path.join(group, name), "w", encoding="ascii") as file:
                file.write(value)
        yield group
    finally:
        # Processes that are still in it go back to where they were.
        with open(os.path.join(group, "cgroup.procs"), encoding="ascii") as file:
            left = file.read().split()
        for process in left:
            with contextlib.suppress(OSError), open(os.path.join(root, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(process)
        os.rmdir(group)


def throttled(process):
    """Gives the tool a hundredth of a processor, once it has begun."""
    time.sleep(0.1)
    with quota() as group:
        with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(process.pid))
        process.wait(60)


def can_throttle():
    try:
        with quota():
            return True
    except (OSError, Failed):
        return False


@contextlib.contextmanager
def hogs(count):
    """Programs that want all of the first core, where the tool is then too."""
    running = [subprocess.Popen(["taskset", "-c", "0", sys.executable, "-c", "while True: pass"],
                                stdin=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def run(model, ms, length_s, spoil=None, hogged=0):
    """The line of one run: printed and true quantiles, and what onrush says."""
    with tempfile.TemporaryDirectory() as scratch, server(ms) as (url, end), hogs(hogged):
        log = os.path.join(scratch, "s.json")
        pinned = ["taskset", "-c", "0"] if hogged else []
        argv = [*pinned, ONRUSH, url, *MODELS[model], "-z", f"{length_s}s", "-o", "none", "--no-progress", "--json", log]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            if spoil:
                spoil(process)
            process.wait(60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        with open(log, encoding="utf-8") as file:
            summary = json.load(file)
        took = end()
    response, error = summary["response_ms"], summary["generator"]["error_ms"]
    worst = (0.0, "", 0.0, 0.0)
    outside = total = 0
    for name, p in QUANTILES:
        if name in response["unsure"]:
            continue
        true = took[math.ceil(p * len(took)) - 1]
        worst = max(worst, (response[name] / true, name, response[name], true))
        if error:
            # A histogram's bucket is a thousandth wide, and the loopback interface takes a moment too.
            total += 1
            outside += not response[name] - error[name] - 0.15 <= true * 1.002
    verdict, reasons = summary["generator"]["verdict"], summary["generator"]["reasons"]
    return {"ratio": worst[0], "name": worst[1], "printed": worst[2], "true": worst[3], "verdict": verdict,
            "reasons": reasons, "outside": outside, "total": total}


def as_it_should_be(seen, spoilt):
    if not spoilt:
        return seen["verdict"] != "INVALID"
    if seen["ratio"] > SPOILT:
        return seen["verdict"] == "INVALID"
    return seen["ratio"] <= NOISY or seen["verdict"] != "VALID"


# Busy programs are there before the run begins, and until it has ended.
SPOILT_KINDS = [
    ("stopped 30 of 50 ms", {"spoil": stopped(20, 30)}),
    ("stopped 8 of 16 ms", {"spoil": stopped(8, 8)}),
    ("2 busy programs", {"hogged": 2}),
    ("1 % of a processor", {"spoil": throttled}),
]


def table(clean):
    """Prints a line for each run, and the counts. True: all is as it should be."""
    counts, wrong, outside, total = collections.Counter(), 0, 0, 0
    kinds = [(model, ms, s) for model in MODELS for ms, lengths in KINDS.items() for s in lengths]
    plan = [("clean", *kind, {}) for kind, _ in zip(itertools.cycle(kinds), range(clean))]
    spoilt = [kind for kind in SPOILT_KINDS if kind[1].get("spoil") != throttled or can_throttle()]
    plan += [(what, model, ms, 2, how) for what, how in spoilt for model in MODELS for ms in SPOILT_MS]
    if len(spoilt) < len(SPOILT_KINDS):
        print("no control group can be made here, so no run is throttled: that takes root")
    print(f"{'':21}{'model':8}{'ms':>3}{'s':>5}  {'worst':6}{'printed':>9}{'true':>9}{'ratio':>7}  verdict")
    for what, model, ms, length_s, how in plan:
        try:
            seen = run(model, ms, length_s, **how)
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired, IndexError) as error:
            raise Failed(f"{what}, {model}, {ms} ms: {error}") from error
        good = as_it_should_be(seen, what != "clean")
        counts["clean" if what == "clean" else "spoilt", seen["verdict"]] += 1
        wrong, outside, total = wrong + (not good), outside + seen["outside"], total + seen["total"]
        print(f"{what:21}{model:8}{ms:>3}{length_s:>5}  {seen['name']:6}{seen['printed']:>9.2f}{seen['true']:>9.2f}"
              f"{seen['ratio']:>7.2f}  {seen['verdict']}{'' if good else '  WRONG'}", flush=True)
    for kind in ("clean", "spoilt"):
        print(f"{kind}: " + ", ".join(f"{counts[kind, v]} {v}" for v in ("VALID", "DEGRADED", "INVALID")))
    print(f"[R - e, R] held the truth in {total - outside} of {total} quantiles; {wrong} verdicts were wrong")
    return wrong == 0


def coverage(runs):
    """How many of the printed 95 % intervals hold the quantile of all runs together, by quantile.
    True: between 93 and 97 in 100, as far as so many runs can tell."""
    told, pooled = collections.defaultdict(list), []
    for number in range(runs):
        with tempfile.TemporaryDirectory() as scratch, server(1, 5) as (url, _):
            log, rows = os.path.join(scratch, "s.json"), os.path.join(scratch, "rows.csv")
            argv = [ONRUSH, url, "--rate", "500", "-c", "100", "-z", "2s", "-o", "none", "--no-progress",
                    "--json", log, "--csv", rows]
            subprocess.run(argv, stdin=subprocess.DEVNULL, check=True, timeout=30)
            with open(rows, encoding="utf-8", newline="") as file:
                pooled += [float(row["latency_ms"]) for row in csv.DictReader(file)]
            with open(log, encoding="utf-8") as file:
                for line in json.load(file)["confidence"]:
                    if line["low_ms"] is not None and line["high_ms"] is not None:
                        told[line["quantile"]].append((line["low_ms"], line["high_ms"]))
        if number % 20 == 19:
            print(f"{number + 1} of {runs} runs", flush=True)
    pooled.sort()
    good = True
    for name, p in (("p50", 0.50), ("p90", 0.90), ("p99", 0.99)):
        true = pooled[math.ceil(p * len(pooled)) - 1]
        hold = sum(low <= true <= high for low, high in told[name])
        share = hold / max(1, len(told[name]))
        # Two standard errors of a share of 0.95.
        slack = 2 * math.sqrt(0.95 * 0.05 / max(1, len(told[name])))
        good &= 0.93 - slack <= share <= 0.97 + slack
        print(f"{name}: {hold} of {len(told[name])} intervals hold {true:.2f} ms: {100 * share:.1f} %")
    return good
