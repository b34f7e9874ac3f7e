#!/usr/bin/env python3
"""A server that sees how well requests keep to a schedule.

It answers at once and keeps the kernel's receive stamp (SO_TIMESTAMPNS) of
every request: taken when the packet arrived, however late this program reads
it; over loopback that is inside the client's `send`. Linux only.

Prints 'listening PORT', and when it is told to end (SIGTERM, --limit) or the
clients are gone, one line of JSON.

The estimator. The schedule is t_i = a + i/R, but the server knows neither `a`
nor which request was meant for which instant. So the i-th request by order of
arrival is set against i/R, whatever connection it came on: a client that works
off its schedule in another order loses nothing, since all requests are alike.
The first and the last half second of the run are left out.

`residual_us`: |arrival_i - a - i/R| over the whole run, `a` the median of
    arrival_i - i/R, which makes the mean residual smallest: no client is helped
    or hurt by when it began. A client that skips requests or runs at another
    rate drifts off the schedule, and this says by how much.
`jitter_us`: the same second by second, each second with its own `a`, and with
    the client's usual pace in place of R (the median time from an arrival to
    the one about a second later). A request skipped costs only the second it
    was missing from and another pace costs nothing, so that one mistake does
    not drown the rest. What it leaves out is beside it: rate, missing requests,
    residual.
`late_us`: arrival_i - a - i/R over the whole run, `a` the first percentile: how
    late, set against the client's own early requests, and signed. A client that
    sends ten at once every 10 ms shows 9 ms here, and a half of it above.
    A client that is late by the same time always cannot be told from one that
    began later: that part is in none of the three.
`rate_per_s`: the rate reached in the part that is judged, the inverse slope of
    arrival_i over i by least squares: a burst at an end does not shift it.
`missing`: R times --seconds, less the requests of the whole run, ends included.
    Without --seconds the time is that from the first to the last arrival.
    `complete`: at most 1 % are missing or too many. If not, the client did not
    do what it was asked, and the other figures say less than they seem to.
`clock_step_us`: by how much the wall clock, which the stamps are on, moved
    against the monotonic clock. Slewing moves both; a step spoils the figures.
"""

import argparse
import array
import gc
import json
import select
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True

from spread_server import SO_TIMESTAMPNS, Client, quantile  # noqa: E402

ENDS_NS = 500_000_000
WINDOW_NS = 1_000_000_000


def serve(listener, limit_s):
    """The stamps in order of arrival, and how many requests had none."""
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    clients, stamps, unstamped = {}, array.array("q"), 0
    # Nothing here makes cycles, and a collection would hold up the answers.
    gc.disable()
    deadline = time.monotonic() + limit_s
    while not stopped and time.monotonic() < deadline:
        for descriptor, _ in poll.poll(0.2, 256):
            if descriptor == listener.fileno():
                try:
                    connection, _ = listener.accept()
                except BlockingIOError:
                    continue
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                poll.register(connection, select.EPOLLIN)
                clients[connection.fileno()] = Client(connection)
                continue
            client = clients[descriptor]
            complete = client.read()
            if complete:
                try:
                    client.answer()
                except OSError:
                    complete = None
                if client.arrived is None:
                    unstamped += 1
                else:
                    stamps.append(client.arrived)
            if complete is None:
                poll.unregister(descriptor)
                clients.pop(descriptor).connection.close()
        if not clients and (stamps or unstamped):
            break
    return sorted(stamps), unstamped


def slope(arrivals):
    """Nanoseconds from one request to the next, by least squares."""
    n = len(arrivals)
    middle, mean = (n - 1) / 2, sum(arrivals) / n
    return sum((i - middle) * (at - mean) for i, at in enumerate(arrivals)) / (n * (n * n - 1) / 12)


def pace(arrivals):
    """Nanoseconds from one request to the next, as a rule."""
    some = next((i for i, at in enumerate(arrivals) if at - arrivals[0] >= WINDOW_NS), len(arrivals))
    some = min(some, len(arrivals) // 2)
    return quantile(sorted(after - at for at, after in zip(arrivals, arrivals[some:])), 0.5) / some


def offsets(arrivals, period_ns, p):
    """How far each arrival is from a + i * period, `a` such that a part `p` of
    them are early."""
    behind = [at - i * period_ns for i, at in enumerate(arrivals)]
    a = quantile(sorted(behind), p)
    return [each - a for each in behind]


def windows(arrivals):
    """The arrivals of each whole second."""
    parts = {}
    for at in arrivals:
        parts.setdefault((at - arrivals[0]) // WINDOW_NS, []).append(at)
    if len(parts) > 1:
        parts.pop(max(parts))
    return parts.values()


def microseconds(values):
    ordered = sorted(values)
    return {name: round(quantile(ordered, p) / 1000, 1) for name, p in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)]}


def summary(stamps, rate, seconds):
    """What the docstring of this file describes, or None: too few requests."""
    first, last = stamps[0], stamps[-1]
    arrivals = [at - first for at in stamps if first + ENDS_NS <= at <= last - ENDS_NS]
    if len(arrivals) < 100:
        return None
    usual_ns = pace(arrivals)
    asked = round(rate * (seconds or (last - first) / 1e9))
    return {
        "rate_asked_per_s": rate,
        "rate_per_s": round(1e9 / slope(arrivals), 1),
        "requests": len(stamps),
        "missing": asked - len(stamps),
        "complete": abs(asked - len(stamps)) <= 0.01 * asked,
        "judged": len(arrivals),
        "residual_us": microseconds(map(abs, offsets(arrivals, 1e9 / rate, 0.5))),
        "jitter_us": microseconds(abs(each) for part in windows(arrivals) for each in offsets(part, usual_ns, 0.5)),
        "late_us": microseconds(offsets(arrivals, 1e9 / rate, 0.01)),
    }


def wall_less_monotonic():
    return time.clock_gettime_ns(time.CLOCK_REALTIME) - time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, required=True, metavar="PER_S", help="what the client was asked for")
    parser.add_argument("--seconds", type=float, help="for how long it was asked to run")
    parser.add_argument("--limit", type=float, default=60, metavar="SECONDS")
    args = parser.parse_args()

    listener = socket.socket()
    # Set before anyone connects: the kernel starts stamping a little later.
    listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(4096)
    listener.setblocking(False)
    print("listening", listener.getsockname()[1], flush=True)

    clocks = wall_less_monotonic()
    stamps, unstamped = serve(listener, args.limit)
    step_us = (wall_less_monotonic() - clocks) / 1000
    seen = summary(stamps, args.rate, args.seconds) if stamps else None
    if not seen:
        print(f"{len(stamps)} requests with stamps are too few", file=sys.stderr)
        return 1
    print(json.dumps({**seen, "unstamped": unstamped, "clock_step_us": round(step_us, 1)}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
