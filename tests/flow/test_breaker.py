"""When nothing works for a plugin its events wait: no attempt is used up, one at a time is tried, and it starts slowly again."""

import contextlib
import os
import re
import sqlite3
from collections import namedtuple
from pathlib import Path

import pytest

from grapnel_test import SLOWNESS, Daemon, event, wait_for

CONFIG = """
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }}
plugins:
  steered:
    workers: {workers}
    deadline: 2s
    retry: {{ {retry} }}
    breaker: {{ {breaker} }}
    settings: {{ record: record.txt, steer: steer.txt }}
routes:
  "*": [ steered ]
"""
FAST = "first: 50ms, factor: 1, jitter: 0%, attempts: 1000"
WAIT = "all its events wait for"

Begin = namedtuple("Begin", "id attempt key ms")
End = namedtuple("End", "id what ms")


def config(breaker, workers=1, retry=FAST):
    return CONFIG.format(breaker=breaker, workers=workers, retry=retry)


def steer(folder, what):
    """What the plugin does from now on; see tests/plugins/steered.c."""
    (folder / "steer.new").write_text(what)
    os.rename(folder / "steer.new", folder / "steer.txt")


def records(folder):
    """What the plugin did, in order."""
    path, found = folder / "record.txt", []
    for line in path.read_text().splitlines() if path.exists() else []:
        word, id, *rest = line.split()
        found.append(Begin(id, int(rest[0]), rest[1], int(rest[2])) if word == "begin" else End(id, rest[0], int(rest[1])))
    return found


def begun(folder):
    return [record for record in records(folder) if isinstance(record, Begin)]


def note(daemon):
    rows = daemon.rows("SELECT stood_ms, open_since_ms, open_until_ms, pause_ms FROM note")
    return namedtuple("Note", "stood since until pause")(*rows[0]) if rows else None


def no_attempt_is_used(daemon):
    return daemon.rows("SELECT count(*) FROM delivery WHERE attempts > 0 OR crashes > 0") == [(0,)]


@pytest.mark.parametrize("workers", [1, 4])
def test_one_at_a_time_and_each_time_another(tmp_path, workers):
    steer(tmp_path, "after 50 busy")
    with Daemon(tmp_path, config("first: 250ms, longest: 1s", workers)) as daemon:
        sender = daemon.sender()
        for i in range(20):
            sender.accepted(event(f"e{i}"))
        wait_for(lambda: daemon.log().count("still busy: ") >= 6, "six probes")
        assert no_attempt_is_used(daemon)
        assert daemon.rows("SELECT count(*) FROM delivery") == [(20,)]
        done = records(tmp_path)
        steer(tmp_path, "ok")
        daemon.drained()
        wait_for(lambda: "no longer held back" in daemon.log(), "the end of the slow start")
        log = daemon.log()
    # What workers held when it opened is over before the first probe goes out; a probe may be out now.
    probes = done[-12:] if isinstance(done[-1], End) else done[-13:-1]
    begins, ends = probes[::2], probes[1::2]
    assert all(isinstance(begin, Begin) for begin in begins) and all(isinstance(end, End) for end in ends)
    assert [begin.id for begin in begins] == [end.id for end in ends]
    assert len({begin.id for begin in begins}) == 6
    assert all(begin.attempt == 1 for begin in begins)
    pauses = [begin.ms - end.ms for end, begin in zip(ends, begins[1:])]
    assert all(pause >= 800 for pause in pauses[-3:]), pauses  # a second, less a fifth
    assert all(pause <= 1200 + 200 * SLOWNESS for pause in pauses), pauses
    assert log.count(WAIT) == log.count("busy: ") and log.count("it works again") == 1


def test_a_probe_waits_for_what_is_held(tmp_path):
    steer(tmp_path, "after 1500 busy\nquick busy")
    with Daemon(tmp_path, config("first: 100ms, longest: 100ms", workers=4)) as daemon:
        sender = daemon.sender()
        for id in "slow1", "slow2", "slow3":
            sender.accepted(event(id))
        wait_for(lambda: len(begun(tmp_path)) == 3, "three to be held")
        sender.accepted(event("quick"))
        wait_for(lambda: "still busy: " in daemon.log(), "a probe")
        done = records(tmp_path)
    probe = [i for i, record in enumerate(done) if isinstance(record, Begin)][4]
    assert {record.id for record in done[:probe] if isinstance(record, End)} == {"slow1", "slow2", "slow3", "quick"}
    assert done[probe].ms - next(record.ms for record in done if isinstance(record, End) and record.id == "quick") > 500


def test_pauses_double(tmp_path):
    steer(tmp_path, "busy")
    with Daemon(tmp_path, config("first: 100ms, longest: 800ms")) as daemon:
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: len(begun(tmp_path)) >= 6, "five probes")
        times = [record.ms for record in begun(tmp_path)]
    pauses = [after - before for before, after in zip(times, times[1:])]
    for pause, usual in zip(pauses, [100, 200, 400, 800, 800]):
        assert usual * 0.8 - 2 <= pause <= usual * 1.2 + 100 * SLOWNESS, pauses


def test_the_plugins_own_time(tmp_path):
    steer(tmp_path, "busy 1500")
    with Daemon(tmp_path, config("first: 10m")) as daemon:
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: "all its events wait for 1500ms" in daemon.log(), "the log to tell it")
        steer(tmp_path, "busy 1")
        wait_for(lambda: "all its events wait for 1s" in daemon.log(), "the shortest time that can be asked for")
        steer(tmp_path, "ok")
        daemon.drained()
    times = [record.ms for record in begun(tmp_path)]
    assert times[1] - times[0] >= 1500 and times[2] - times[1] >= 1000


def test_the_rate_climbs(tmp_path):
    """3,000 events that waited go out with 10 a second at first, twice as many in each further one."""
    steer(tmp_path, "busy 1000")
    with Daemon(tmp_path, config("first: 1s", workers=2)) as daemon:
        sender = daemon.sender()
        for i in range(3000):
            sender.accepted(event(f"e{i}"))
        assert no_attempt_is_used(daemon)
        steer(tmp_path, "ok")
        daemon.drained(120)
        assert daemon.rows("SELECT count(*) FROM dead") == [(0,)]
    done = records(tmp_path)
    first = next(i for i, record in enumerate(done) if isinstance(record, End) and record.what == "ok")
    start = done[first].ms
    after = [record for record in done[first:] if isinstance(record, Begin)]
    assert len({record.id for record in after}) == 2999 and all(record.attempt == 1 for record in after)
    for number, record in enumerate(after):
        second, rest = divmod(record.ms - start + 3, 1000)  # parts of milliseconds are lost on the way
        rate = 10 << min(second, 20)
        assert number < rate - 10 + min(rest * rate // 1000 + 1, rate), (number, record.ms - start)
    counts = [sum(1 for record in after if (record.ms - start) // 1000 == second) for second in range(8)]
    assert all(before < now for before, now in zip(counts, counts[1:7])), counts
    assert after[-1].ms - start >= 8000


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_open_over_a_restart(tmp_path, end):
    steer(tmp_path, "busy")
    daemon = Daemon(tmp_path, config("first: 3s, longest: 1h"))
    with daemon:
        daemon.sender().accepted(event("e1"))
        before = wait_for(lambda: note(daemon), "the note")
        assert before.since and before.until - before.since >= 2400 and before.pause == 3000
        if end == "kill":
            daemon.kill()
    with daemon:
        assert "its events still wait, as when the daemon ended" in daemon.log()
        assert note(daemon) == before
        daemon.sender().accepted(event("e2"))
        # The probe comes when it would have come without the restart, and the next pause is the longer one.
        after = wait_for(lambda: note(daemon) != before and note(daemon), "a probe")
        assert begun(tmp_path)[-1].ms >= before.until - 50
        assert after.pause == 6000 and after.since == before.since
        assert no_attempt_is_used(daemon)
        steer(tmp_path, "ok")
        daemon.drained()
        closed = note(daemon)
        assert closed.since == 0 and closed.stood >= after.until - after.since
    assert [record.attempt for record in begun(tmp_path)] == [1] * len(begun(tmp_path))


def test_first_attempts_of_different_events_open_it(tmp_path):
    steer(tmp_path, "ok\nbad retry")
    with Daemon(tmp_path, config("failures: 3, first: 300ms")) as daemon:
        sender = daemon.sender()
        sender.accepted(event("bad"))
        wait_for(lambda: len(begun(tmp_path)) > 10, "one event to fail again and again")
        assert WAIT not in daemon.log()
        sender.accepted(event("good"))
        wait_for(lambda: "good" in {record.id for record in begun(tmp_path)}, "a success")
        steer(tmp_path, "retry")
        sender.accepted(event("e1"))
        sender.accepted(event("e2"))
        wait_for(lambda: {"e1", "e2"} <= {record.id for record in begun(tmp_path)}, "two to fail")
        steer(tmp_path, "ok\nbad retry\ne1 ok\ne2 retry\ne3 retry\ne4 retry\ne5 retry")
        wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery") == [(2,)], "a success between")
        assert WAIT not in daemon.log()
        for id in "e3", "e4", "e5":
            sender.accepted(event(id))
        wait_for(lambda: WAIT in daemon.log(), "the third")
        assert re.search(r"cryptopay/e\d: steered to retry; as the first attempts at 3 events in a row have failed, "
                         r"all its events wait for", daemon.log())
        steer(tmp_path, "ok")
        daemon.drained()


def test_bad_events_dont_hold_it_open(tmp_path):
    """Probes of events that fail, hang and kill their worker: nothing is learned from them, the good ones close it all the same."""
    steer(tmp_path, "busy\nbad1 fail\nbad2 crash\nbad3 hang\nbad4 retry")
    with Daemon(tmp_path, config("first: 100ms, longest: 100ms", workers=2), plugins_crash=True) as daemon:
        sender = daemon.sender()
        for id in "good1", "bad1", "bad2", "bad3", "bad4", "good2":
            sender.accepted(event(id))
        bad = {"bad1", "bad2", "bad3", "bad4"}
        wait_for(lambda: bad <= {record.id for record in begun(tmp_path)}, "each to be tried")
        assert daemon.rows("SELECT count(*) FROM delivery d JOIN event e ON e.number = d.event "
                           "WHERE e.external_id LIKE 'good%' AND attempts > 0") == [(0,)]
        steer(tmp_path, "ok")
        daemon.drained()
        assert daemon.rows("SELECT e.external_id FROM dead d JOIN event e ON e.number = d.event") == [("bad1",)]


def test_the_clock_of_give_up_stands(tmp_path):
    steer(tmp_path, "retry")
    options = config("failures: 1000, first: 100ms", retry="first: 100ms, factor: 1, jitter: 0%, attempts: 1000, give_up: 1500ms")
    with Daemon(tmp_path, options) as daemon:
        daemon.sender().accepted(event("bad"))
        wait_for(lambda: daemon.rows("SELECT attempts FROM delivery WHERE attempts > 0"), "the first failure")
        steer(tmp_path, "busy 3000")
        wait_for(lambda: WAIT in daemon.log(), "it to open")
        daemon.sender().accepted(event("good"))
        steer(tmp_path, "ok\nbad retry")
        daemon.drained()
        ((id, reason, died),) = daemon.rows("SELECT e.external_id, d.reason, d.dead_ms FROM dead d JOIN event e ON e.number = d.event")
        assert (id, reason) == ("bad", 2)  # STORE_REASON_GIVE_UP
        ends = [record for record in records(tmp_path) if isinstance(record, End) and record.id == "bad"]
        assert died - ends[0].ms >= 1500 + note(daemon).stood - 10
        assert note(daemon).stood >= 3000
        assert 0 <= died - ends[-1].ms < 1000 * SLOWNESS  # an attempt was made just then


@pytest.mark.skipif(SLOWNESS > 1, reason="a sanitizer's memory is its own")
def test_memory_is_flat_while_open(tmp_path):
    def resident():
        return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{daemon.process.pid}/status").read_text()).group(1))

    steer(tmp_path, "busy")
    with Daemon(tmp_path, config("first: 50ms, longest: 50ms")) as daemon:
        sender = daemon.sender()
        for i in range(2000):
            sender.accepted(event(f"e{i}", padding="x" * 16000))
        full = resident()  # what the pool may hold, 8 MiB, is full by now
        for i in range(2000, 6000):
            sender.accepted(event(f"e{i}", padding="x" * 16000))
        assert resident() - full < 8 * 1024, (full, resident())
        assert no_attempt_is_used(daemon)


def test_a_due_time_of_another_clock_is_not_waited_for(tmp_path):
    steer(tmp_path, "retry")
    daemon = Daemon(tmp_path, config("failures: 1000", retry="first: 10m"))
    with daemon:
        daemon.sender().accepted(event("e1"))
        wait_for(lambda: daemon.rows("SELECT attempts FROM delivery") == [(1,)], "the retry to be noted")
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "grapnel.db", isolation_level=None)) as database:
        database.execute("UPDATE delivery SET due_ms = due_ms + 86400000 * 365")
    steer(tmp_path, "ok")
    with daemon:
        daemon.drained()
    assert [record.attempt for record in begun(tmp_path)] == [1, 2]
