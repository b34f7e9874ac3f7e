#!/usr/bin/env python3
"""Checks the CSV and the JSON of one onrush run against each other, against
what the caller expects, and against the server's own log.

Prints nothing and exits 0 when all agree; else one line for each disagreement
and exit 1. With --many alone it checks what standard input asks for.
"""

import argparse
import csv
import json
import math
import shlex
import sys
import time
import uuid
from collections import Counter
from datetime import datetime

HEADER = ("index,status,latency_ms,response_bytes,error,start_ms,wave,connection,"
          "service_ms,first_byte_ms,connect_ms,lag_ms,target").split(",")
ACCOUNTS = ["ok", "http_error", "failed", "timeout", "unfinished", "unsent"]
# Files carry milliseconds with three decimals.
ROUNDING_MS = 0.0011
# An HdrHistogram of three digits is right to 0.1 % at either end of a bucket.
HISTOGRAM_ERROR = 0.002


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--csv", required=True)
    parser.add_argument("--json", required=True)
    parser.add_argument("--model", choices=["waves", "closed", "open"], default="waves")
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--rows", type=int, help="exact number of rows, indexes 0..ROWS-1")
    parser.add_argument("--at-least", type=int, default=1, help="without --rows")
    parser.add_argument("--status", type=int, help="of every row")
    parser.add_argument("--bytes", type=int, help="response_bytes of every row")
    parser.add_argument("--error", help="every row's error begins with this")
    parser.add_argument("--connects", action="store_true", help="every row opened a connection")
    parser.add_argument("--reuses", action="store_true", help="fewer connections were opened than rows written")
    parser.add_argument("--latency-at-least", type=float, default=0.0, metavar="MS")
    parser.add_argument("--max-wall", type=float, metavar="S")
    parser.add_argument("--log", help="the server's access log: one line a request")
    parser.add_argument("--tag", help="counts only the log lines that hold this text")
    parser.add_argument("--bodies", help="JSON lines {uri, body} as the server received them")
    return parser.parse_args(argv)


class Check:
    def __init__(self):
        self.problems = []

    def that(self, condition, problem):
        if not condition:
            self.problems.append(problem)

    def same(self, what, got, expected):
        self.that(got == expected, f"{what} is {got!r}, expected {expected!r}")

    def close(self, what, got, expected, tolerance):
        good = isinstance(got, (int, float)) and abs(got - expected) <= tolerance
        self.that(good, f"{what} is {got!r}, expected {expected!r} within {tolerance:.6g}")


def quantile(ordered, p):
    """x_p is the ceil(n*p)-th smallest value."""
    return ordered[max(1, math.ceil(round(len(ordered) * p, 9))) - 1]


def account_of(row):
    """The account that a row belongs to."""
    if row["error"].startswith("timeout:"):
        return "timeout"
    if row["error"].startswith("cut:"):
        return "unfinished"
    if row["error"]:
        return "failed"
    return "ok" if 200 <= int(row["status"]) <= 399 else "http_error"


def check_rows(check, rows, args):
    """Each row for itself, and the rows as a set."""
    if args.rows is not None:
        check.same("number of rows", len(rows), args.rows)
    else:
        check.that(len(rows) >= args.at_least, f"{len(rows)} rows, expected at least {args.at_least}")

    indexes = sorted(int(row["index"]) for row in rows)
    if args.rows is not None:
        check.that(indexes == list(range(len(rows))), f"indexes are not 0..{len(rows) - 1}, each once")
    else:
        check.that(len(set(indexes)) == len(indexes), "an index occurs twice")

    wrong = Counter()
    for row in rows:
        status, latency = int(row["status"]), float(row["latency_ms"])
        sent = row["service_ms"] != ""
        wrong["status is not a status"] += not (status == 0 or 100 <= status <= 599)
        wrong["neither a status nor an error"] += status == 0 and not row["error"]
        wrong["error is not 'phase: cause'"] += row["error"] != "" and ": " not in row["error"]
        wrong["negative number"] += any(row[name].startswith("-") for name in HEADER)
        wrong["answered, but without service_ms"] += status != 0 and not sent
        if sent:
            service = float(row["service_ms"])
            wrong["latency_ms below service_ms"] += latency < service - ROUNDING_MS
            if row["first_byte_ms"]:
                wrong["first_byte_ms above service_ms"] += float(row["first_byte_ms"]) > service + ROUNDING_MS
            if args.model != "waves" and row["lag_ms"]:
                wait = latency - service - float(row["lag_ms"])
                wrong["latency_ms below service_ms + lag_ms"] += wait < -2 * ROUNDING_MS
        wrong["millisecond without three decimals"] += any(
            row[name] and len(row[name].partition(".")[2]) != 3
            for name in HEADER if name.endswith("_ms"))
        if args.model == "waves":
            wrong["wave is not index / users"] += row["wave"] != str(int(row["index"]) // args.users)
        else:
            wrong["wave is not empty outside waves"] += row["wave"] != ""
        wrong[f"latency_ms below {args.latency_at_least}"] += latency < args.latency_at_least
        if args.status is not None:
            wrong[f"status is not {args.status}"] += status != args.status
            wrong["unexpected error"] += row["error"] != "" and args.error is None
        if args.bytes is not None:
            wrong[f"response_bytes is not {args.bytes}"] += int(row["response_bytes"]) != args.bytes
        if args.error is not None:
            wrong[f"error does not begin with '{args.error}'"] += not row["error"].startswith(args.error)
        if args.connects:
            wrong["connect_ms is 0"] += not float(row["connect_ms"] or 0) > 0
    for problem, count in wrong.items():
        if count:
            example = next((row["error"] for row in rows if row["error"]), "")
            check.that(False, f"{count} of {len(rows)} rows: {problem}" + (f" (e.g. '{example}')" if example else ""))


def check_summary(check, rows, summary, args):
    """The JSON against the rows."""
    check.same("schema", summary["schema"], 1)
    check.same("tool.name", summary["tool"]["name"], "onrush")
    try:
        datetime.fromisoformat(summary["started_at"].replace("Z", "+00:00"))
    except ValueError as error:
        check.that(False, f"started_at: {error}")
    plan = summary["plan"]
    check.same("plan.model", plan["model"], args.model)
    check.that(plan["workers"] >= 1, "plan.workers is below 1")
    check.that(summary["wall_s"] > 0, "wall_s is not above 0")
    if args.max_wall is not None:
        check.that(summary["wall_s"] <= args.max_wall, f"wall_s is {summary['wall_s']}, expected at most {args.max_wall}")

    accounting = summary["accounting"]
    check.same("accounting.scheduled", accounting["scheduled"], sum(accounting[name] for name in ACCOUNTS))
    check.same("rows + unsent", len(rows) + accounting["unsent"], accounting["scheduled"])
    counted = Counter(account_of(row) for row in rows)
    for name in ACCOUNTS[:-1]:
        check.same(f"accounting.{name}", accounting[name], counted[name])

    done = sum(accounting[name] for name in ["ok", "http_error", "failed", "timeout"])
    if done:
        check.close("success_rate", summary["success_rate"], accounting["ok"] / done, 1e-6)
    statuses = Counter(row["status"] for row in rows if row["status"] != "0" and not row["error"])
    check.same("status", {code: n for code, n in summary["status"].items() if n}, dict(statuses))
    failures = sum(failure["count"] for failure in summary["failures"])
    lost = accounting["failed"] + accounting["timeout"]
    check.that(lost <= failures <= lost + accounting["unfinished"],
               f"failures count {failures}, expected {lost}")
    body_bytes = sum(int(row["response_bytes"]) for row in rows)
    check.that(summary["bytes_in"] >= body_bytes, f"bytes_in is below the {body_bytes} bytes of the rows")
    if statuses:
        check.that(summary["bytes_out"] > 0, "bytes_out is 0")
        check.that(summary["throughput_per_s"] > 0, "throughput_per_s is 0")
    if args.reuses:
        check.that(summary["connections"] < len(rows), f"{summary['connections']} connections for {len(rows)} rows")

    generator = summary["generator"]
    check.that(generator["verdict"] in ["VALID", "DEGRADED", "INVALID"], f"verdict {generator['verdict']}")
    check.close("Little's law: generator.present_s", generator["present_s"], generator["response_sum_s"],
                1e-6 * generator["response_sum_s"] + 1e-6)
    if args.model == "open":
        check.that(plan["rate_per_s"] > 0, "plan.rate_per_s is not above 0")
        if plan["arrivals"] == "uniform":
            off = max(abs(float(row["start_ms"]) - int(row["index"]) * 1e3 / plan["rate_per_s"]) for row in rows)
            check.that(off <= ROUNDING_MS, f"start_ms is {off} ms off its schedule")

    # Nothing was answered: there is no distribution.
    response = summary["response_ms"] or {"count": 0}
    samples = sum(accounting[name] for name in ACCOUNTS) - accounting["failed"]
    check.same("response_ms.count", response["count"], samples)
    if rows and samples == len(rows) and not accounting["timeout"] and not accounting["unfinished"]:
        ordered = sorted(float(row["latency_ms"]) for row in rows)
        check.close("response_ms.min", response["min"], ordered[0], ROUNDING_MS)
        check.close("response_ms.max", response["max"], ordered[-1], ROUNDING_MS)
        check.close("response_ms.mean", response["mean"], sum(ordered) / len(ordered), ROUNDING_MS)
        for name, p in [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)]:
            value = quantile(ordered, p)
            check.close(f"response_ms.{name}", response[name], value, value * HISTOGRAM_ERROR + ROUNDING_MS)

    if args.model == "waves" and statuses:
        waves = summary["waves"]
        check.same("waves.count", waves["count"], len({row["wave"] for row in rows}))
        check.same("waves.size", waves["size"], args.users)
        spread = waves["release_spread_us"]
        check.that(0 <= spread["p50"] <= spread["p99"] <= spread["max"], f"release_spread_us is not in order: {spread}")


def check_log(check, rows, args):
    """The server's own count. It may log an answer a moment after giving it."""
    answered = sum(row["status"] != "0" for row in rows)
    sent = sum(row["service_ms"] != "" for row in rows)
    logged = 0
    for _ in range(30):
        with open(args.log, encoding="utf-8", errors="replace") as log:
            logged = sum(not args.tag or args.tag in line for line in log)
        if logged >= answered:
            break
        time.sleep(0.1)
    check.that(answered <= logged <= sent,
               f"the server logged {logged} requests; the rows say {answered} answered, {sent} sent")


def check_bodies(check, rows, args):
    """What the server received: one JSON body a request, none twice."""
    bodies = []
    for _ in range(30):
        with open(args.bodies, encoding="utf-8") as log:
            lines = [json.loads(line) for line in log if line.endswith("\n")]
        bodies = [line["body"] for line in lines if not args.tag or args.tag in line["uri"]]
        if len(bodies) >= len(rows):
            break
        time.sleep(0.1)
    check.same("number of bodies", len(bodies), len(rows))
    try:
        parsed = [json.loads(body) for body in bodies]
    except ValueError as error:
        check.that(False, f"a body is not JSON: {error}")
        return
    ids = sorted(body["request_id"] for body in parsed)
    check.that(ids == sorted(int(row["index"]) for row in rows), "request_ids are not the indexes of the rows")
    check.same("number of different guids", len({uuid.UUID(body["guid"]) for body in parsed}), len(parsed))
    keys = {"request_id", "guid", "timestamp", "user", "session", "metrics", "features", "tags"}
    check.that(all(keys <= body.keys() for body in parsed), f"a body lacks one of {sorted(keys)}")


def problems_of(argv):
    """What is wrong with a run: one line each. The arguments are those of the
    command line."""
    args = arguments(argv)
    check = Check()
    try:
        with open(args.csv, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            rows = list(reader)
        with open(args.json, encoding="utf-8") as file:
            summary = json.load(file)
        check.same("CSV header", reader.fieldnames, HEADER)
        if not check.problems:
            check_rows(check, rows, args)
            check_summary(check, rows, summary, args)
            if args.log:
                check_log(check, rows, args)
            if args.bodies:
                check_bodies(check, rows, args)
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        check.that(False, f"{type(error).__name__}: {error}")
    return check.problems


def answer_all():
    """Checks run after run, for one start of Python: a line of arguments for
    each, as a shell quotes them, is answered by the problems and a line with a
    dot."""
    for line in sys.stdin:
        print(*problems_of(shlex.split(line)), ".", sep="\n", flush=True)


def main():
    if sys.argv[1:] == ["--many"]:
        answer_all()
        return 0
    problems = problems_of(sys.argv[1:])
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
