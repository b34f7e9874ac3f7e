"""HTTP/2 beside h2load: 8 connections of 32 streams against nghttpd, whose
answer has two bytes."""

import os
import resource
import statistics

import measure
import peers
from bench import SMOKE, free_port, progress, shell, shown
from measure import CLIENT, SERVER, Server
from peers import Load

CONNECTIONS, STREAMS = 8, 32


def nghttpd(scratch, tls):
    root, certs = os.path.join(scratch, "www"), os.path.join(scratch, "certs")
    os.makedirs(root, exist_ok=True)
    with open(os.path.join(root, "index.html"), "w", encoding="ascii") as file:
        file.write("ok")
    if tls:
        shell("make_certificates", certs)
    port = free_port()
    security = [os.path.join(certs, "server.key"), os.path.join(certs, "server.pem")] if tls else []
    return Server(["nghttpd", "-a", "127.0.0.1", "-d", root, *([] if tls else ["--no-tls"]), str(port), *security], port)


def http2(bench):
    """What a request costs over HTTP/2, and what many streams take."""
    sizes = bench.sizes
    few, many = (5_000, 45_000) if sizes.many > SMOKE.many else (1_000, 3_000)
    csv = ("--csv", os.path.join(bench.scratch, "rows.csv"))
    names = ("onrush", "h2load")

    def client(name, url, requests, connections=CONNECTIONS, streams=STREAMS, flags=()):
        """The command line, and where onrush leaves its summary."""
        load = Load(url, users=connections * streams, requests=requests)
        shared = ("--http-version", "2", "--connections", str(connections), "--streams", str(streams),
                  "--timeout", "60", *flags)
        argv, summary = bench.client(name, load, shared)
        if name == "h2load":
            argv = ["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{requests}", url]
        bench.record(argv)
        return argv, summary

    def per_request(name, url, flags=()):
        counts, answered = [], []
        for requests in (few, many):
            argv, summary = client(name, url, requests, flags=flags)
            output, count = measure.instructions(argv, limit_s=180)
            counts.append(count)
            answered.append(peers.done(name, output, summary))
        return (counts[1] - counts[0]) / (answered[1] - answered[0])

    def measured(name, url, requests, *shape):
        argv, summary = client(name, url, requests, *shape)
        finished = measure.run(argv, limit_s=120)
        peers.done(name, finished.output, summary)
        return finished

    rows = []
    for tls in (False, True):
        with nghttpd(bench.scratch, tls) as server:
            progress(f"HTTP/2{', TLS' if tls else ''}")
            url = f"http{'s' if tls else ''}://127.0.0.1:{server.port}/index.html"
            kind = "TLS" if tls else "clear text"
            variants = [("onrush", "", ()), ("onrush", " --csv", csv), ("h2load", "", ())]
            for name, suffix, flags in variants:
                if tls and suffix:
                    continue
                value = bench.figure(name, f"instructions HTTP/2, {kind}{suffix}",
                                     lambda n=name, f=flags: per_request(n, url, f))
                rows.append((name + suffix, kind, "instructions", shown(value)))
            requests = 400_000 if sizes.many > SMOKE.many else 2_000
            pairs = {name: [] for name in names}
            for _ in range(sizes.pairs):
                for name in names:
                    us = bench.figure(name, f"cpu HTTP/2, {kind}",
                                      lambda n=name: measured(n, url, requests).cpu_s * 1e6 / requests)
                    pairs[name].append(us)
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
        for name in names:
            value = bench.figure(name, "memory HTTP/2",
                                 lambda n=name: measured(n, url, requests, connections, streams).peak_kb / 1024)
            rows.append((name, f"{connections:,} x {streams} streams", "peak resident MB", shown(value, digits=1)))
    text = (f"{CONNECTIONS} connections of {STREAMS} streams, GET, one worker; a run of {few:,} requests taken from one "
            f"of {many:,}. Processor time: user and system, {sizes.pairs} interleaved pairs. Client on core {CLIENT}, "
            f"nghttpd with one thread on {SERVER}.")
    bench.table("HTTP/2", ["client", "run", "what", "value"], rows, text)
