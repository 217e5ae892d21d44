"""When failed deliveries come again: in the documented band, by the daemon's own clock, whatever becomes of the machine's.

The wall clock is moved with libfaketime; CLOCK_MONOTONIC and CLOCK_BOOTTIME are left alone, as they are when somebody sets the clock.
"""

import collections
import os
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from grapnel_test import Daemon, event, wait_for
from operate_test import MEASURES, Stream, flood, percentile, say, stamps, told
from receiver import Answer, Receiver

DAY = 24 * 3600
SOURCES = "sources:\n  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }\n"
PLUGIN = """
plugins:
  stamp:
    retry: {{ {retry} }}
    {options}
    settings: {{ record: record.txt, fixed: fixed }}
routes:
  "*": [ stamp ]
"""


def schedule(folder, retry, options="", **more):
    return Daemon(folder, SOURCES + PLUGIN.format(retry=retry, options=options), **more)


def came(folder):
    """{id: [stamp of attempt 1, …]}, without those whose ids begin with `fresh`."""
    found = collections.defaultdict(list)
    for stamp in stamps(folder):
        if not stamp.id.startswith("fresh"):
            found[stamp.id].append(stamp)
    return found


def gaps(found):
    """(attempt, seconds until the one after it), by a clock that nobody can set."""
    return [(a.attempt, b.monotonic - a.monotonic) for each in found.values() for a, b in zip(each, each[1:])]


def all_came(folder, count, attempts, timeout=60):
    """Waits until each of so many events was attempted so often."""

    def done():
        found = came(folder)
        return len(found) == count and all(len(each) >= attempts for each in found.values()) and found

    return wait_for(done, f"{attempts} attempts at each of {count} events", timeout)


def seconds_until(text):
    """From now to a time of the API."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp() - time.time()


def delivery_of(daemon, id):
    (delivery,) = told(daemon, f"/api/events/cryptopay/{id}")["deliveries"]
    return delivery


class Fresh:
    """Sends a fresh event now and then: how long those take tells how busy the machine is."""

    def __init__(self, daemon):
        self.daemon, self.ends, self.thread = daemon, threading.Event(), threading.Thread(target=self.run)

    def run(self):
        stream, number = Stream(self.daemon.addresses[0]), 0
        while not self.ends.wait(0.02):
            stream.accepted([event(f"fresh-{number}")])
            number += 1
        stream.close()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()

    def slack(self):
        """Twice the most that one took (a failure must be told, and its next attempt begin), and what no clock here tells apart."""
        return 2 * max(stamp.wall - stamp.received for stamp in stamps(self.daemon.folder) if stamp.id.startswith("fresh")) + 0.02


def test_delays_lie_in_the_documented_band(tmp_path, capsys):
    """delay(n) = min(longest, first·factor^(n−1)) · U(1−jitter, 1+jitter)"""
    delays = {1: 0.2, 2: 0.4, 3: 0.8, 4: 1.0, 5: 1.0}
    with schedule(tmp_path, "first: 200ms, factor: 2, longest: 1s, jitter: 30%, attempts: 6", "breaker: { failures: 1000 }") as daemon:
        with Fresh(daemon) as fresh:
            flood(daemon, [f"e{n}" for n in range(50)], connections=1, do="retry")
            found = all_came(tmp_path, 50, 6)
        slack = fresh.slack()
        assert all(len(each) == 6 for each in found.values())
        measured = gaps(found)
        assert len(measured) == 250
        outside = [(n, gap) for n, gap in measured if not 0.7 * delays[n] - 0.002 <= gap <= 1.3 * delays[n] + slack]
        shares = [gap / delays[n] for n, gap in measured]
        say(capsys, f"250 retries: {min(shares):.2f} to {max(shares):.2f} of the delay without jitter, median {percentile(shares, 0.5):.2f}; "
            f"slack {slack * 1e3:.0f} ms")
        assert not outside, (slack, outside)
        # The band is used, not only kept.
        assert min(shares) < 0.8 and max(shares) > 1.2 and sum(share < 1 for share in shares) in range(75, 175)


def test_what_the_plugin_asks_for_is_clamped(tmp_path):
    with schedule(tmp_path, "first: 50ms, factor: 1, jitter: 0%, attempts: 2", "breaker: { failures: 1000 }") as daemon:
        with Fresh(daemon) as fresh:
            flood(daemon, [f"soon-{n}" for n in range(20)], connections=1, do="retry", after_ms=1)
            flood(daemon, [f"later-{n}" for n in range(20)], connections=1, do="retry", after_ms=2000)
            flood(daemon, ["never"], do="retry", after_ms=10**15)
            wait_for(lambda: sum(len(each) == 2 for each in came(tmp_path).values()) == 40, "the second attempts")
        for id, each in came(tmp_path).items():
            wanted = 1 if id.startswith("soon") else 2
            assert id == "never" or wanted - 0.002 <= each[1].monotonic - each[0].monotonic <= wanted + fresh.slack(), id
        never = delivery_of(daemon, "never")
        assert (never["state"], never["attempts"]) == ("retrying", 1)
        assert DAY - 60 < seconds_until(never["next"]) <= DAY
        assert len(came(tmp_path)["never"]) == 1


def test_retry_after_of_a_real_server(tmp_path):
    answers = {b"two": Answer(429, {"Retry-After": "2"}), b"year": Answer(503, {"Retry-After": str(365 * DAY)}), b"none": Answer(429)}
    seen, lock = collections.defaultdict(list), threading.Lock()

    def answer(request, _):
        name = next(name for name in answers if b'"' + name in request.body)
        with lock:
            seen[name].append(time.monotonic())
            return answers[name] if len(seen[name]) == 1 else Answer(200)

    with Receiver(answer) as receiver:
        url = f"http://127.0.0.1:{receiver.server_address[1]}/"
        config = SOURCES + f"""
plugins:
  forward:
    retry: {{ first: 100ms, factor: 1, jitter: 0%, attempts: 3 }}
    settings: {{ url: "{url}", headers: {{ X-Test: "yes" }} }}
routes: {{ "*": [ forward ] }}
"""
        with Daemon(tmp_path, config) as daemon:
            flood(daemon, [name.decode() for name in answers], connections=1)
            wait_for(lambda: len(seen[b"two"]) == 2 and len(seen[b"none"]) == 2, "the second attempts")
            first, second = seen[b"two"]
            assert 1.99 <= second - first <= 2 + (1 if MEASURES else 10)
            first, second = seen[b"none"]
            assert 0.09 <= second - first <= 0.1 + (1 if MEASURES else 10)
            wait_for(lambda: delivery_of(daemon, "year")["attempts"] == 1, "the first attempt to be told")
            assert DAY - 60 < seconds_until(delivery_of(daemon, "year")["next"]) <= DAY
            assert len(seen[b"year"]) == 1


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_restart_keeps_due_times(tmp_path, end):
    daemon = schedule(tmp_path, "first: 2s, factor: 1, jitter: 50%, attempts: 2", "breaker: { failures: 1000 }")
    due_times = "SELECT e.external_id, d.due_ms / 1000.0 FROM delivery d JOIN event e ON e.number = d.event WHERE d.attempts = 1"
    try:
        daemon.start()
        flood(daemon, [f"e{n}" for n in range(50)], connections=1, do="retry")
        due = dict(wait_for(lambda: len(rows := daemon.rows(due_times)) == 50 and rows, "all to wait for their retry"))
        getattr(daemon, end)()
        assert dict(daemon.rows(due_times)) == due
        assert not [id for id, each in came(tmp_path).items() if len(each) > 1]
        daemon.start()
        ready = time.time()
        found = all_came(tmp_path, 50, 2)
        for id, each in found.items():
            assert due[id] - 0.01 <= each[1].wall <= max(due[id], ready) + (1 if MEASURES else 10), (id, due[id], ready)
        assert sum(due[id] > ready for id in due) > 10  # else this shows little
    finally:
        assert daemon.stop() == 0


# ---- a wall clock that is set ----

FAKETIME = next((path for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
needs_faketime = pytest.mark.skipif(
    not FAKETIME or not MEASURES, reason="no libfaketime, or a sanitizer that wants to be loaded before it"
)


class Clock:
    """The wall clock of a daemon, so many seconds off."""

    def __init__(self, folder):
        self.path, self.offset = Path(folder) / "clock", 0
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # CLOCK_BOOTTIME is left alone with it
        }

    def set(self, offset):
        """At once, as a file that is half written would be no time at all."""
        new = self.path.with_suffix(".new")
        new.write_text(f"{offset:+d}\n")
        os.replace(new, self.path)
        self.offset = offset

    def now(self):
        return int(time.time()) + self.offset


def in_band(found, low, high):
    outside = [(attempt, round(gap, 3)) for attempt, gap in gaps(found) if not low <= gap <= high]
    assert not outside, outside


@needs_faketime
def test_the_clock_is_set_while_it_runs(tmp_path):
    """A day forward, and two back: nothing comes sooner or later than it would have, and none is given up."""
    clock = Clock(tmp_path)
    retry = "first: 300ms, factor: 1, jitter: 20%, attempts: 12, give_up: 1h"
    with schedule(tmp_path, retry, "breaker: { failures: 1000 }", environment=clock.environment) as daemon:
        flood(daemon, [f"e{n}" for n in range(40)], connections=1, do="retry")
        all_came(tmp_path, 40, 2)
        for attempts, offset in ((5, DAY), (8, -DAY)):
            clock.set(offset)
            stream = Stream(daemon.addresses[0])
            stream.accepted([event(f"fresh{offset}")], clock.now())  # the daemon believes it: this is no test of an unmoved clock
            stream.close()
            wait_for(lambda: f"fresh{offset}" in {stamp.id for stamp in stamps(tmp_path)}, "what is fresh to be delivered")
            all_came(tmp_path, 40, attempts)
        found = all_came(tmp_path, 40, 12)
        # A second for the machine: what this looks for is off by a day, or not there.
        in_band(found, 0.24 - 0.002, 0.36 + 1)
        daemon.drained()
        letters = told(daemon, "/api/dead?limit=100")
        assert {(letter["reason"], letter["attempts"]) for letter in letters} == {("attempts", 12)} and len(letters) == 40


@needs_faketime
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_clock_is_set_back_before_a_restart(tmp_path, end):
    """As after a power cut on a machine whose clock has no battery: due times are neither lost nor a day away."""
    clock = Clock(tmp_path)
    daemon = schedule(tmp_path, "first: 1500ms, factor: 1, jitter: 20%, attempts: 3", "breaker: { failures: 1000 }", environment=clock.environment)
    try:
        daemon.start()
        flood(daemon, [f"e{n}" for n in range(30)], connections=1, do="retry")
        wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery WHERE attempts = 1") == [(30,)], "all to wait for their retry")
        getattr(daemon, end)()
        clock.set(-DAY)
        daemon.start()
        shown = delivery_of(daemon, "e0")
        if shown["state"] == "retrying" and shown["next"]:
            assert -5 < seconds_until(shown["next"]) + DAY < 10  # as a time of the daemon's wall clock
        found = all_came(tmp_path, 30, 3)
        in_band(found, 1.2 - 0.002, 1.8 + 5)
    finally:
        assert daemon.stop() == 0


@needs_faketime
def test_the_clock_is_set_forward_before_a_restart(tmp_path):
    """That can't be told from a day that the machine was off: all is due, once; and nothing is stuck when the clock is right again."""
    clock = Clock(tmp_path)
    daemon = schedule(tmp_path, "first: 1200ms, factor: 1, jitter: 20%, attempts: 4", "breaker: { failures: 1000 }", environment=clock.environment)
    try:
        daemon.start()
        flood(daemon, [f"e{n}" for n in range(30)], connections=1, do="retry")
        wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery WHERE attempts = 1") == [(30,)], "all to wait for their retry")
        daemon.stop()
        clock.set(DAY)
        daemon.start()
        all_came(tmp_path, 30, 2)
        wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery WHERE attempts = 2") == [(30,)], "that to be noted")
        daemon.stop()
        clock.set(0)
        daemon.start()
        found = all_came(tmp_path, 30, 4)
        for each in found.values():
            assert [stamp.attempt for stamp in each] == [1, 2, 3, 4]
            for a, b in zip(each[1:], each[2:]):
                assert 0.96 - 0.002 <= b.monotonic - a.monotonic <= 1.44 + 5
    finally:
        assert daemon.stop() == 0
