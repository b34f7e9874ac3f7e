"""The tables of `compare` for loads at a rate: what a client says of a server
that stalled, and how well it keeps to its schedule."""

import contextlib
import csv
import itertools
import os
import statistics

import measure
import peers
from bench import onrush_serve, shown
from measure import CLIENT, SERVER, Failed, Witness
from peers import QUANTILES, Load


def run(bench, name, load, flags=()):
    """Runs a client at a rate: what it said, and the process."""
    log = os.path.join(bench.scratch, "log")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(log)
    argv = [*peers.AT_RATE[name][0](load, log), *flags]
    bench.record(argv)
    finished = measure.run(argv, limit_s=load.seconds + 20)
    return peers.said(name, finished.output, log), finished


# --- A server that stalls -----------------------------------------------------

def stall(bench):
    """What each client prints of a server that answered nobody for a while."""
    case = bench.sizes.stall
    rows_csv = os.path.join(bench.scratch, "rows.csv")

    def printed(name):
        # The time of the stall counts from the server's first request.
        with onrush_serve() as server:
            url = f"http://127.0.0.1:{server.port}/stall?at={case.at_s * 1000:g}ms&for={case.for_s * 1000:g}ms"
            load = Load(url, case.users, requests=0, seconds=case.run_s, rate=case.rate)
            return run(bench, name, load, ("--csv", rows_csv) if name == "onrush" else ())[0]

    rows = [("truth, answers in no time", *true_ms(case), f"{case.rate * case.run_s:,.0f}")]
    for name in bench.sizes.clients_at_rate:
        said = bench.figure(name, "stall", lambda n=name: printed(n))
        if isinstance(said, str):
            rows.append((name, said, *[""] * len(QUANTILES)))
            continue
        rows.append((name, *(shown(said.ms.get(quantile, "not printed"), digits=1) for quantile in QUANTILES),
                     f"{said.requests:,}"))
        if name == "onrush":
            drain = bench.figure(name, "stall, drain", lambda: drain_per_s(rows_csv, case))
            if not isinstance(drain, str):
                rows.insert(1, (f"truth, {drain:,.0f} answers/s", *true_ms(case, drain), rows[0][-1]))
    text = (f"{case.rate:,} requests/s for {case.run_s:g} s over {case.users} connections, to `onrush serve`, which "
            f"answers nobody for {case.for_s:g} s after {case.at_s:g} s. Milliseconds, as each client prints them; "
            "h2load prints only the largest, so its quantiles are from the log of its requests. Truth: "
            "x_p = T - (1-p) D (1-R/mu) + 1/mu for a stall of T in a run of D, from the instants at which requests "
            "were due; L0, the time of an answer without a stall, where that is not above zero. The answers/s (mu) are "
            "those of the second line of truth: what `onrush` and the server did together after the stall, from its "
            f"rows. Client on core {CLIENT}, server on {SERVER}. A wrk2 run drops all it measured in its first 10 s "
            "plus 5 ms a connection if it is longer than that; this one is not.")
    bench.table("A server that stalls", ["client", *(f"{name}, ms" for name in QUANTILES), "requests"], rows, text)


def true_ms(case, answers_per_s=float("inf")):
    """The cells of the truth: the quantiles of a first-in-first-out queue that
    is filled for the time of the stall, then emptied at this rate."""
    busy = case.rate / answers_per_s
    times = [case.for_s - (1 - p) * case.run_s * (1 - busy) + 1 / answers_per_s for p in QUANTILES.values()]
    return [f"{time * 1000:,.1f}" if time > 1e-6 else "L0" for time in times]


def drain_per_s(rows_csv, case):
    """Answers per second from the end of the stall until nobody waited longer
    than a hundredth of it."""
    with open(rows_csv, encoding="ascii", newline="") as file:
        answers = sorted((float(row["start_ms"]) + float(row["latency_ms"]), float(row["latency_ms"]))
                         for row in csv.DictReader(file))
    gaps = [after - at for (at, _), (after, _) in itertools.pairwise(answers)]
    if not gaps or max(gaps) < case.for_s * 500:
        raise Failed("the rows show no stall")
    first = gaps.index(max(gaps)) + 1
    waited = [at for at, _ in itertools.takewhile(lambda answer: answer[1] > case.for_s * 10, answers[first:])]
    if len(waited) < 2 or waited[-1] <= waited[0]:
        raise Failed("nobody waited after the stall")
    return (len(waited) - 1) / (waited[-1] - waited[0]) * 1000


# --- Keeping to a schedule ----------------------------------------------------

def pacing(bench):
    """How far from their schedule the requests arrive, and what pacing costs."""
    sizes = bench.sizes

    def paced(name, rate, users):
        with Witness("pacing_server.py", "--rate", rate, "--seconds", sizes.pace_s, "--limit", 60) as server:
            load = Load(f"http://127.0.0.1:{server.port}/", users, requests=0, seconds=sizes.pace_s, rate=rate)
            finished = run(bench, name, load)[1]
            seen = server.seen()
        if abs(seen["clock_step_us"]) > 100:
            raise Failed("the clock was set during the run")
        return seen, 100 * finished.cpu_s / finished.wall_s

    rows = []
    with off_the_clients_core():
        for rate, users in sizes.paces:
            rounds = {name: [] for name in sizes.clients_at_rate}
            for _ in range(sizes.pace_rounds):
                for name, results in rounds.items():
                    results.append(bench.figure(name, f"pacing, {rate:,}/s", lambda n=name: paced(n, rate, users)))
            rows += [pacing_row(rate, name, results) for name, results in rounds.items()]
    text = (f"Medians of {sizes.pace_rounds} rounds of {sizes.pace_s:g} s, the clients in turn within each. The i-th "
            "arrival, by the kernel's receive stamps at `scripts/pacing_server.py`, against a + i/R. Residual: the "
            "absolute difference over the whole run, `a` its median. In a second: the same with each second on its "
            "own and at the client's usual pace, so that a request skipped or another rate costs little: for that see "
            "rate and missing. Late: against the client's own early requests. A client that is always late by the "
            "same time shows none of it here. Missing: of rate times time, the start included (wrk2 connects 5 ms "
            "apart). Core: processor time of the client in its run, start and end included. "
            + ", ".join(f"{users} connections at {rate:,}/s" for rate, users in sizes.paces)
            + f". Client on core {CLIENT}, server on {SERVER}.")
    bench.table("Keeping to a schedule",
                ["asked", "client", "rate", "missing", "residual p50", "residual p99", "each round, p50 / p99",
                 "in a second p50", "p99", "late p99", "core"], rows, text)


def pacing_row(rate, name, results):
    good = [result for result in results if not isinstance(result, str)]
    if not good:
        return (f"{rate:,}/s", name, results[0], *[""] * 8)

    def median(kind, p):
        return shown(statistics.median(seen[kind][p] for seen, _ in good), " us")

    missing = statistics.median(seen["missing"] / (seen["missing"] + seen["requests"]) for seen, _ in good)
    short = sum(not seen["complete"] for seen, _ in good)
    return (f"{rate:,}/s", name, shown(statistics.median(seen["rate_per_s"] for seen, _ in good), "/s", 1),
            f"{missing:.2%}" + (f", over 1 % off in {short} of {len(good)}" if short else ""),
            median("residual_us", "p50"), median("residual_us", "p99"),
            ", ".join(f"{seen['residual_us']['p50']:,.0f} / {seen['residual_us']['p99']:,.0f}" for seen, _ in good),
            median("jitter_us", "p50"), median("jitter_us", "p99"), median("late_us", "p99"),
            shown(statistics.median(core for _, core in good), " %", 1))


@contextlib.contextmanager
def off_the_clients_core():
    """Keeps this script, which looks after its children a hundred times a
    second, from the core whose client is judged by microseconds."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, SERVER)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
