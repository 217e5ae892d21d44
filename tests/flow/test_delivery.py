"""Deliveries through the wall: bad events cost only themselves."""

import collections
import os
import signal

import pytest

from grapnel_test import Daemon, event, wait_for

CONFIG = """
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }}
plugins:
  {name}:
    {options}
    settings: {{ record: record.txt }}
routes:
  "*": [ {name} ]
"""
FAST = "retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 4 }"


def config(name="misbehave", options=FAST):
    return CONFIG.format(name=name, options=options)


def attempts(folder):
    """How often each event was handed to the plugin: {id: [attempt, …]}."""
    found = collections.defaultdict(list)
    path = folder / "record.txt"
    for line in path.read_text().splitlines() if path.exists() else []:
        id, attempt = line.split()
        found[id].append(int(attempt))
    return found


LATEST_ERROR = (
    "(SELECT a.detail FROM attempt a WHERE a.event = d.event AND a.plugin = d.plugin ORDER BY a.sequence DESC LIMIT 1)"
)


def dead(daemon):
    """{id: (reason, attempts, crashes, detail)}; the reasons are numbers of enum store_reason."""
    rows = daemon.rows(
        f"SELECT e.external_id, d.reason, d.attempts, d.crashes, {LATEST_ERROR} FROM dead d JOIN event e ON e.number = d.event"
    )
    return {row[0]: row[1:] for row in rows}


FAIL, ATTEMPTS, GIVE_UP, POISON = range(4)

BAD = {
    "segfault": (POISON, 3, "SIGSEGV"),
    "abort": (POISON, 3, "SIGABRT"),
    "exit0": (POISON, 3, "exited with status 0"),
    "stackoverflow": (POISON, 3, "SIGSEGV"),
    "closefds": (POISON, 3, "socket"),
    "garbage": (POISON, 3, "garbage"),
    "hang": (ATTEMPTS, 4, "deadline"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("workers", [1, 2])
def test_one_event_in_ten_is_bad(tmp_path, bad, workers):
    """Every good event is delivered, at its first attempt; the bad ones end dead; the daemon never stops."""
    total = 20 if bad == "hang" else 100
    deadline = "500ms" if bad == "hang" else "30s"
    options = f"workers: {workers}\n    deadline: {deadline}\n    {FAST}"
    with Daemon(tmp_path, config(options=options), plugins_crash=True) as daemon:
        sender = daemon.sender()
        wrong = {f"e{n}" for n in range(total) if n % 10 == 3}
        for n in range(total):
            sender.accepted(event(f"e{n}", do=bad if f"e{n}" in wrong else "ok"))
        daemon.drained()
        reason, tries, words = BAD[bad]
        died = dead(daemon)
        assert set(died) == wrong
        for id, (why, attempted, crashes, detail) in died.items():
            # A signal of a sanitizer's own may come instead.
            assert (why, attempted) == (reason, tries), (id, detail)
            assert crashes == (0 if bad == "hang" else 3)
            assert words in detail or os.environ.get("GRAPNEL_SANITIZE"), detail
        # No good event was charged, nor repeated because a neighbour took their process down; only one that scribbles over the socket may
        # take the outcomes before it along.
        for id, handed in attempts(tmp_path).items():
            if id not in wrong:
                assert handed == [1] or (bad == "garbage" and set(handed) == {1}), (id, handed)
        assert {f"e{n}" for n in range(total)} == set(attempts(tmp_path))
        assert daemon.process.poll() is None
        daemon.sender().accepted(event("after"))
        wait_for(lambda: attempts(tmp_path)["after"], "the event after them")


def test_poison_is_the_reason_also_where_attempts_end(tmp_path):
    """Three crashes of its own, counted over a restart."""
    retry = "retry: { first: 300ms, factor: 1, jitter: 0%, attempts: 3 }"
    daemon = Daemon(tmp_path, config(options=retry), plugins_crash=True)
    with daemon:
        daemon.sender().accepted(event("e1", do="segfault"))
        daemon.sender().accepted(event("e2", do="segfault", times=2))
        wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery WHERE crashes > 0") == [(2,)], "a crash of each")
    with daemon:
        daemon.drained()
        ((why, attempted, crashes, detail),) = dead(daemon).values()
        assert (why, attempted, crashes) == (POISON, 3, 3)
        assert "SIGSEGV" in detail or os.environ.get("GRAPNEL_SANITIZE"), detail
    assert attempts(tmp_path) == {"e1": [1, 2, 3], "e2": [1, 2, 3]}


def test_retry_then_ok(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        daemon.sender().accepted(event("e1", do="retry", times=2))
        daemon.drained()
        assert attempts(tmp_path) == {"e1": [1, 2, 3]}
        assert dead(daemon) == {}


def test_fail_is_dead_at_once(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        daemon.sender().accepted(event("e1", do="fail"))
        daemon.drained()
        assert attempts(tmp_path) == {"e1": [1]}
        assert dead(daemon) == {"e1": (FAIL, 1, 0, "told to fail e1")}


def test_attempts_end(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        daemon.sender().accepted(event("e1", do="retry"))
        daemon.sender().accepted(event("e2", do="bad_code"))
        daemon.drained()
        assert attempts(tmp_path) == {"e1": [1, 2, 3, 4], "e2": [1, 2, 3, 4]}
        assert {id: row[:2] for id, row in dead(daemon).items()} == {"e1": (ATTEMPTS, 4), "e2": (ATTEMPTS, 4)}


def test_give_up_makes_a_last_attempt_then(tmp_path):
    retry = "retry: { first: 100ms, factor: 1, jitter: 0%, attempts: 1000, give_up: 1s }"
    with Daemon(tmp_path, config(options=retry)) as daemon:
        daemon.sender().accepted(event("e1", do="retry"))
        daemon.drained()
        why, attempted, _, _ = dead(daemon)["e1"]
        assert why == GIVE_UP
        ((received, died),) = daemon.rows("SELECT e.received_ms, d.dead_ms FROM dead d JOIN event e ON e.number = d.event")
        assert died - received >= 1000
        assert 2 <= attempted <= 11


def test_busy_uses_no_attempt(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        sender = daemon.sender()
        sender.accepted(event("e1", do="busy", times=2, after_ms=1000))
        wait_for(lambda: "busy" in daemon.log(), "the log to tell it")
        sender.accepted(event("e2"))
        assert attempts(tmp_path)["e1"] == [1] * len(attempts(tmp_path)["e1"])
        assert dead(daemon) == {}
        assert daemon.rows("SELECT count(*) FROM delivery WHERE attempts > 0") == [(0,)]


def test_retries_keep_their_time_over_a_restart(tmp_path):
    retry = "retry: { first: 2s, factor: 1, jitter: 0%, attempts: 3 }"
    daemon = Daemon(tmp_path, config(options=retry))
    with daemon:
        daemon.sender().accepted(event("e1", do="retry", times=1))
        ((due,),) = wait_for(lambda: daemon.rows("SELECT due_ms FROM delivery WHERE attempts = 1"), "the retry to be noted")
    with daemon:
        daemon.drained()
        # 10 ms: the times of files come from a coarser clock.
        assert (tmp_path / "record.txt").stat().st_mtime * 1000 >= due - 10
    assert attempts(tmp_path) == {"e1": [1, 2]}


def test_workers_are_replaced_when_killed_idle(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: daemon.workers() and daemon.workers() != [worker], "another worker")
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        assert attempts(tmp_path) == {"e1": [1]}


@pytest.mark.parametrize("name", ["--help", "--version", "-_-"])
def test_a_plugin_is_named_as_anybody_likes(tmp_path, name):
    with Daemon(tmp_path, config(name=f'"{name}"', options="file: misbehave.so")) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained(10)
        assert attempts(tmp_path) == {"e1": [1]}


def test_the_log_tells_of_what_it_left_out(tmp_path):
    """However many attempts fail, each dead letter has its own budget of lines, and what no line was left for is counted at the end."""
    retry = "breaker: { failures: 1000 }\n    retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 3 }"
    with Daemon(tmp_path, config(options=retry)) as daemon:
        sender = daemon.sender()
        for n in range(15):
            sender.accepted(event(f"r{n}", do="retry"))
        daemon.drained()
    log = daemon.log()
    assert log.count("dead letter, reason attempts") == 15
    assert 'plugin "misbehave": failed attempts: lines that were left out: 10' in log
    assert 'plugin "misbehave": delivered: 0, failed attempts: 45, dead letters: 15' in log
