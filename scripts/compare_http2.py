"""HTTP/2 beside h2load: 8 connections of 32 streams against nghttpd, whose
answer has two bytes."""

import os
import re
import resource
import statistics
import subprocess
import sys

import measure
import peers
from bench import SMOKE, free_port, progress, shown
from measure import CLIENT, SCRIPTS, SERVER, Failed, Server

CONNECTIONS, STREAMS = 8, 32


def nghttpd(scratch, tls):
    root = os.path.join(scratch, "www")
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, "index.html"), "w", encoding="ascii") as file:
        file.write("ok")
    port = free_port()
    certs = os.path.join(scratch, "certs")
    if tls and not os.path.isdir(certs):
        subprocess.run(["bash", "-c", 'source "$0" && make_certificates "$1"', os.path.join(SCRIPTS, "lib.sh"), certs],
                       stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True, timeout=60)
    certificate = [os.path.join(certs, name) for name in ("server.key", "server.pem")] if tls else []
    return Server(["nghttpd", "-a", "127.0.0.1", "-d", root, *([] if tls else ["--no-tls"]), str(port), *certificate],
                  port)


def onrush(url, requests, connections=CONNECTIONS, streams=STREAMS, flags=()):
    return [peers.ONRUSH, "--url", url, "--http-version", "2", "--model", "closed", "--workers", "1",
            "-c", str(connections * streams), "--connections", str(connections), "--streams", str(streams),
            "-n", str(requests), "--timeout", "60", *(["--insecure"] if url.startswith("https:") else []), *flags]


def h2load(url, requests, connections=CONNECTIONS, streams=STREAMS):
    return ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{requests}", url]


def check(output, requests):
    """All requests were answered."""
    good = (f"{requests:,} ok" in output) or re.search(rf"\b{requests} succeeded", output)
    if not good:
        raise Failed("not all requests were answered")


def http2(bench):
    """What a request costs over HTTP/2, and what many streams take."""
    sizes = bench.sizes
    few, many = (5_000, 45_000) if sizes.many > SMOKE.many else (1_000, 3_000)
    csv = ("--csv", os.path.join(bench.scratch, "rows.csv"))
    make = {"onrush": onrush, "h2load": h2load}

    def per_request(argv_of):
        counts = []
        for requests in (few, many):
            argv = argv_of(requests)
            output, count = measure.instructions(argv, limit_s=180)
            check(output, requests)
            counts.append(count)
        bench.record(argv)
        return (counts[1] - counts[0]) / (many - few)

    def cpu_us(argv, requests):
        bench.record(argv)
        finished = measure.run(argv, limit_s=60)
        check(finished.output, requests)
        return finished.cpu_s * 1e6 / requests

    rows = []
    for tls in (False, True):
        with nghttpd(bench.scratch, tls) as server:
            progress(f"HTTP/2{', TLS' if tls else ''}")
            url = f"http{'s' if tls else ''}://127.0.0.1:{server.port}/index.html"
            kind = "TLS" if tls else "clear text"
            variants = [("onrush", "", lambda n, u=url: onrush(u, n)), ("h2load", "", lambda n, u=url: h2load(u, n))]
            if not tls:
                variants.insert(1, ("onrush", " --csv", lambda n, u=url: onrush(u, n, flags=csv)))
            for name, suffix, argv_of in variants:
                value = bench.figure(name, f"instructions HTTP/2, {kind}{suffix}", lambda a=argv_of: per_request(a))
                rows.append((name + suffix, kind, "instructions", shown(value)))
            requests = 400_000 if sizes.many > SMOKE.many else 2_000
            pairs = {name: [] for name in make}
            for _ in range(sizes.pairs):
                for name, argv_of in make.items():
                    argv = argv_of(url, requests)
                    pairs[name].append(bench.figure(name, f"cpu HTTP/2, {kind}", lambda a=argv: cpu_us(a, requests)))
            for name, values in pairs.items():
                good = [value for value in values if not isinstance(value, str)]
                rows.append((name, kind, "us of processor time, median",
                             shown(statistics.median(good), digits=2) if good else values[0]))
            ratios = [ours / theirs for ours, theirs in zip(*pairs.values())
                      if not isinstance(ours, str) and not isinstance(theirs, str)]
            if ratios:
                rows.append(("onrush to h2load", kind, "ratio, median", shown(statistics.median(ratios), digits=3)))

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    connections, streams, requests = (1_000, 100, 500_000) if sizes.many > SMOKE.many else (20, 10, 1_000)
    with nghttpd(bench.scratch, False) as server:
        url = f"http://127.0.0.1:{server.port}/index.html"
        for name, argv_of in make.items():
            argv = argv_of(url, requests, connections, streams)

            def peak_mb(argv=argv):
                bench.record(argv)
                finished = measure.run(argv, limit_s=120)
                check(finished.output, requests)
                return finished.peak_kb / 1024

            value = bench.figure(name, "memory HTTP/2", peak_mb)
            rows.append((name, f"{connections:,} x {streams} streams", "peak resident MB", shown(value, digits=1)))
    text = (f"{CONNECTIONS} connections of {STREAMS} streams, GET, one worker; a run of {few:,} requests taken from one "
            f"of {many:,}. Processor time: user and system, {sizes.pairs} interleaved pairs. Client on core {CLIENT}, "
            f"nghttpd with one thread on {SERVER}.")
    bench.table("HTTP/2", ["client", "run", "what", "value"], rows, text)
