"""The load testers that `compare` runs: their command lines, and what each says
about the number of requests it has done and about their latency."""

import json
import os
import re
from dataclasses import dataclass

from measure import Failed
from spread_server import quantile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
ONRUSH = os.path.abspath(os.environ.get("ONRUSH", os.path.join(TARGET, "release", "onrush")))


@dataclass
class Load:
    """What every client is asked to do. Each ends by the one of `requests` and
    `seconds` that it can: wrk knows only a duration."""

    url: str
    users: int
    requests: int
    seconds: float = 0.0
    keepalive: bool = True
    # Requests per second of them all; 0 is a closed model.
    rate: int = 0


def onrush(load, flags=(), summary="/dev/null"):
    ending = ["-n", str(load.requests)] if load.requests else ["-z", f"{load.seconds:g}s"]
    return [ONRUSH, "--url", load.url, "--model", "closed", "-c", str(load.users), *ending, "--workers", "1",
            *([] if load.keepalive else ["--disable-keepalive"]),
            *(["--insecure"] if load.url.startswith("https:") else []), *flags,
            "-o", "none", "--json", summary]


def wrk(load):
    return ["wrk", "-t1", f"-c{load.users}", f"-d{max(1, round(load.seconds))}s", "--timeout", "30s",
            *([] if load.keepalive else ["-H", "Connection: close"]), load.url]


def h2load(load):
    return ["h2load", "--h1", "-t1", "-m1", f"-c{load.users}", f"-n{load.requests}", load.url]


def oha(load):
    return ["oha", "--no-tui", "--worker-threads", "1", "-c", str(load.users), "-n", str(load.requests),
            *([] if load.keepalive else ["--disable-keepalive"]),
            *(["--insecure"] if load.url.startswith("https:") else []), load.url]


def hey(load):
    return ["hey", "-cpus", "1", "-c", str(load.users), "-n", str(load.requests),
            *([] if load.keepalive else ["-disable-keepalive"]), load.url]


def ab(load):
    return ["ab", "-q", *(["-k"] if load.keepalive else []), "-c", str(load.users), "-n", str(load.requests), load.url]


COMMANDS = {"onrush": onrush, "wrk": wrk, "h2load": h2load, "oha": oha, "hey": hey, "ab": ab}
DONE = {
    "wrk": r"(\d+) requests in",
    "wrk2": r"(\d+) requests in",
    "h2load": r"(\d+) succeeded",
    "oha": r"\[200\] (\d+) responses",
    "hey": r"\[200\]\s+(\d+) responses",
    "ab": r"Complete requests:\s+(\d+)",
}
WRONG = {
    "wrk": r"Non-2xx or 3xx responses: \d+",
    "wrk2": r"Non-2xx or 3xx responses: \d+",
    "ab": r"(Failed requests:\s+[1-9]\d*|Non-2xx responses:\s+\d+)",
}


def done(name, output, summary=None):
    """How many requests were answered, all of them well."""
    if name == "onrush":
        with open(summary, encoding="utf-8") as file:
            accounting = json.load(file)["accounting"]
        if accounting["ok"] != accounting["scheduled"]:
            raise Failed(f"onrush: not all requests were answered: {accounting}")
        return accounting["ok"]
    wrong = re.search(WRONG.get(name, r"(?!)"), output)
    if wrong:
        raise Failed(f"{name}: {wrong[0]}")
    count = re.search(DONE[name], output)
    if not count or int(count[1]) == 0:
        raise Failed(f"{name} answered no request")
    return int(count[1])


# --- At a rate ----------------------------------------------------------------
# Each takes the load and the file, if any, in which it leaves its figures.

def onrush_at_rate(load, log, flags=()):
    return [ONRUSH, "--url", load.url, "--rate", f"{load.rate}/s", "--arrivals", "uniform", "-c", str(load.users),
            "-z", f"{load.seconds:g}s", "--workers", "1", *flags, "-o", "none", "--json", log]


def oha_at_rate(load, _log, flags=()):
    return ["oha", "--no-tui", "--worker-threads", "1", "-c", str(load.users), "-q", str(load.rate),
            "-z", f"{load.seconds:g}s", *flags, "--output-format", "json", load.url]


def oha_corrected_at_rate(load, log):
    return oha_at_rate(load, log, ["--latency-correction"])


def hey_at_rate(load, _log):
    return ["hey", "-cpus", "1", "-c", str(load.users), "-q", f"{load.rate / load.users:g}",
            "-z", f"{load.seconds:g}s", load.url]


def h2load_at_rate(load, log):
    return ["h2load", "--h1", "-t1", "-m1", f"-c{load.users}", f"--rps={load.rate / load.users:g}",
            f"-D{load.seconds:g}", f"--log-file={log}", load.url]


def wrk2_at_rate(load, _log):
    return ["wrk2", "-t1", f"-c{load.users}", f"-d{load.seconds:g}s", f"-R{load.rate}", "-L", load.url]


@dataclass
class Said:
    """What a client says of its run. A quantile that it does not print is not
    in `ms`; one that it prints as a lower bound is text."""

    requests: int
    ms: dict


QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}


def onrush_said(_output, log):
    requests = done("onrush", "", log)
    with open(log, encoding="utf-8") as file:
        response = json.load(file)["response_ms"]
    keys = {name: name.replace(".", "_") for name in QUANTILES}
    return Said(requests, {name: f">= {response[key]:,.1f}" if key in response["at_least"] else response[key]
                           for name, key in keys.items()})


def oha_said(output, _log):
    said = json.loads(output)
    seconds = {**said["latencyPercentiles"], "max": said["summary"]["slowest"]}
    return Said(said["statusCodeDistribution"]["200"], {name: seconds[name] * 1000 for name in QUANTILES})


def hey_said(output, _log):
    seconds = {f"p{percent}": value for percent, value in re.findall(r"(\d+)% in ([\d.]+) secs", output)}
    seconds["max"] = re.search(r"Slowest:\s+([\d.]+) secs", output)[1]
    return Said(done("hey", output), {name: float(seconds[name]) * 1000 for name in QUANTILES if name in seconds})


def h2load_said(output, log):
    """It prints no quantiles; its log has a row for each request: when it began,
    the status, microseconds."""
    with open(log, encoding="ascii") as file:
        ordered = sorted(int(line.split()[2]) / 1000 for line in file)
    return Said(done("h2load", output), {name: quantile(ordered, p) for name, p in QUANTILES.items()})


def wrk2_said(output, _log):
    units = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}
    ms = {f"p{float(percent):g}": float(value) * units[unit]
          for percent, value, unit in re.findall(r"^ *([\d.]+)%\s+([\d.]+)(us|ms|s|m)\s*$", output, re.MULTILINE)}
    # The 95th is in the detailed spectrum alone, in milliseconds.
    ms["p95"] = float(re.search(r"^ *([\d.]+) +0\.950000 ", output, re.MULTILINE)[1])
    ms["max"] = ms["p100"]
    return Said(done("wrk2", output), {name: ms[name] for name in QUANTILES})


AT_RATE = {
    "onrush": (onrush_at_rate, onrush_said),
    "oha": (oha_at_rate, oha_said),
    "oha --latency-correction": (oha_corrected_at_rate, oha_said),
    "hey": (hey_at_rate, hey_said),
    "h2load": (h2load_at_rate, h2load_said),
    "wrk2": (wrk2_at_rate, wrk2_said),
}


def said(name, output, log):
    """What a client says of a run at a rate."""
    try:
        return AT_RATE[name][1](output, log)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Failed(f"{name} printed something else than expected: {error!r}") from error
