#!/usr/bin/env python3
"""Reads what --metrics says with Prometheus' own client library, in both formats.

    check_metrics.py ONRUSH    exits 0 if all holds
"""

import subprocess
import sys
import time
import urllib.request

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

OPEN = "application/openmetrics-text; version=1.0.0"
ANSWERS = ("onrush_answers_total", (("status", "200"),))
LEVELS = {"onrush_in_flight", "onrush_waiting", "onrush_busy_ratio", "onrush_stall_seconds"}


def scrape(url, accept):
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=5) as answer:
        text = answer.read().decode()
        kind = answer.headers["Content-Type"]
    if accept == OPEN:
        assert kind.startswith("application/openmetrics-text"), kind
        families = list(openmetrics.text_string_to_metric_families(text))
    else:
        assert kind.startswith("text/plain; version=0.0.4"), kind
        families = list(parse_text(text))
    assert len({family.name for family in families}) == len(families), "each family is there once"
    return {family.name: family for family in families}


def samples(families):
    """All samples, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families.values()
        for sample in family.samples
    }


def check_histograms(families):
    """How many there are."""
    checked = 0
    for family in families.values():
        if family.type != "histogram":
            continue
        values = [s for s in family.samples if s.name.endswith("_bucket")]
        counts = [s.value for s in values]
        assert counts == sorted(counts), f"{family.name}: buckets are cumulative"
        assert values[-1].labels["le"] == "+Inf", family.name
        total = [s.value for s in family.samples if s.name.endswith("_count")]
        assert total == [counts[-1]], family.name
        checked += 1
    return checked


def main():
    load = ["--demo", "--rate", "2000", "-z", "20s", "-c", "20", "--metrics", "0", "--no-progress", "-o", "none"]
    run = subprocess.Popen([sys.argv[1], *load], stderr=subprocess.PIPE, text=True)
    try:
        url = next(word for word in run.stderr.readline().split() if word.startswith("http://"))
        deadline = time.monotonic() + 10
        while True:
            first = scrape(url, "text/plain")
            if samples(first).get(ANSWERS, 0) >= 100:
                break
            assert time.monotonic() < deadline, "no answers within 10 s"
        second = scrape(url, OPEN)
        assert [check_histograms(first), check_histograms(second)] == [5, 5]
        before, after = samples(first), samples(second)
        for key, value in before.items():
            assert key[0] in LEVELS or after[key] >= value, f"{key} went from {value} to {after[key]}"
        assert second["onrush_requests"].type == "counter" and second["onrush_run"].type == "info"
        assert second["onrush_received_bytes"].unit == "bytes"
        assert second["onrush_response_time_seconds"].unit == "seconds"
        ok = after[("onrush_requests_total", (("outcome", "ok"),))]
        assert ok == after[("onrush_response_time_seconds_count", ())] == after[ANSWERS]
        mean = after[("onrush_response_time_seconds_sum", ())] / ok
        assert 0 < mean < 1, f"a mean response time of {mean} s"
        print(f"{len(second)} families, {len(after)} samples, {ok:.0f} answers")
    finally:
        run.terminate()
        assert run.wait(timeout=15) == 130


if __name__ == "__main__":
    main()
