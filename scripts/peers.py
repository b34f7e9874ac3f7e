"""The load testers that `compare` runs: their command lines, and what each says
about the number of requests it has done."""

import json
import os
import re
from dataclasses import dataclass

from measure import Failed

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
    "h2load": r"(\d+) succeeded",
    "oha": r"\[200\] (\d+) responses",
    "hey": r"\[200\]\s+(\d+) responses",
    "ab": r"Complete requests:\s+(\d+)",
}
WRONG = {
    "wrk": r"Non-2xx or 3xx responses: \d+",
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
