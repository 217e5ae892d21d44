"""A queue of very many waiting deliveries: starting, looking at it and draining it cost what they cost with an empty one.

GRAPNEL_WAITING=1000000 waits with so many.
"""

import re
import time

from grapnel_test import Daemon, wait_for
from operate_test import (
    MEASURES, command, flood, number_from_environment, page, plugin_status, resident_kib, say, told,
)

WAITING = number_from_environment("GRAPNEL_WAITING", 100000)
DEAD = 1200
# What is remembered of accepted ids, and what a pool holds, is bounded; with that many waiting, the bounds are reached.
MOST_KIB, FLAT_KIB, FULL = 48 * 1024, 8 * 1024, 1000000

CONFIG = """
retain: {{ events: {keep} }}
limits: {{ stop_timeout: 1s }}
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }}
plugins:
  stamp:
    workers: 2
    deadline: 1h
    settings: {{ hold: hold }}
routes:
  "*": [ stamp ]
"""

# Each examines what it needs of a huge store, and no more.
QUESTIONS = [
    "/api/status",
    "/api/dead",
    "/api/dead?plugin=stamp&limit=500",
    "/api/events",
    "/api/events?limit=500",
    "/api/events?state=pending",
    "/api/events?state=dead",
    "/api/events?state=done",
    "/api/events?type=nothing.of.this",
    "/api/events?source=cryptopay&type=payment.*&since=1h",
    "/api/events/cryptopay/w-0",
    "/metrics",
]


def big_queue(folder, keep="7d"):
    return Daemon(folder, CONFIG.format(keep=keep))


def start_seconds(daemon):
    """From the start of the process until its log says ready."""
    began = time.monotonic()
    daemon.start()
    return time.monotonic() - began


def answer_ms(daemon, question, times=5):
    """The best of some, as other tests run beside this one."""

    def once():
        began = time.monotonic()
        page(daemon, question)
        return (time.monotonic() - began) * 1000

    return min(once() for _ in range(times))


def store_bytes(daemon):
    """Without the write-ahead log, which is bounded for itself."""
    return (daemon.folder / "state" / "grapnel.db").stat().st_size


def drain(daemon):
    """Waits until all is delivered, and says how much memory that took at most."""
    most = 0
    (daemon.folder / "hold").unlink()

    def empty():
        nonlocal most
        most = max(most, resident_kib(daemon.process.pid))
        status = plugin_status(daemon, "stamp")
        return status["pending"] == status["retrying"] == 0

    wait_for(empty, "the queue to drain", 60 + WAITING // 1000)
    assert daemon.rows("SELECT count(*) FROM delivery") == [(0,)]
    return most


def test_a_queue_of_very_many(tmp_path, capsys):
    daemon = big_queue(tmp_path)
    try:
        daemon.start()
        flood(daemon, [f"dead-{n}" for n in range(DEAD)], do="fail")
        wait_for(lambda: plugin_status(daemon, "stamp")["dead"] == DEAD, "the dead letters")
        (tmp_path / "hold").touch()
        flood(daemon, [f"w-{n}" for n in range(WAITING // 10)])
        before = resident_kib(daemon.process.pid)
        flood(daemon, [f"w-{n}" for n in range(WAITING // 10, WAITING)])
        after = resident_kib(daemon.process.pid)
        assert plugin_status(daemon, "stamp")["pending"] == WAITING
        assert daemon.stop() == 0

        took = start_seconds(daemon)
        begun = resident_kib(daemon.process.pid)
        status = plugin_status(daemon, "stamp")
        assert (status["pending"], status["retrying"], status["dead"]) == (WAITING, 0, DEAD)
        answers = {question: answer_ms(daemon, question) for question in QUESTIONS}
        shown = resident_kib(daemon.process.pid)
        the_pages_are_whole(daemon)
        most = drain(daemon)
        say(
            capsys, f"{WAITING} waiting: start to ready {took * 1000:.0f} ms, answers at most {max(answers.values()):.1f} ms; resident "
            f"{before} KiB with a tenth of them, {after} with all, {begun} after the start, {shown} after questions, {most} at most while it drained",
        )
        if MEASURES:
            assert took < 1
            slow = {question: ms for question, ms in answers.items() if ms >= 100}
            assert not slow, slow
            assert max(after, begun, shown, most) <= MOST_KIB
            assert WAITING < FULL or after - before <= FLAT_KIB
        assert daemon.stop() == 0
        the_disk_is_bounded(tmp_path, capsys)
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.stop()


def the_pages_are_whole(daemon):
    """All dead letters, each once, page by page; and of what nothing is found, the pages end as well."""
    path, ids, pages = "/api/dead?limit=500", [], 0
    while path:
        letters, path = page(daemon, path)
        ids += [letter["id"] for letter in letters]
        pages += 1
    assert sorted(ids) == sorted(f"dead-{n}" for n in range(DEAD)) and pages <= DEAD // 500 + 2
    path, found = "/api/events?state=dead&limit=500", []
    while path:
        events, path = page(daemon, path)
        found += [each["id"] for each in events]
    assert sorted(found) == sorted(ids)
    path, pages = "/api/events?type=nothing.of.this", 0
    while path:
        events, path = page(daemon, path)
        assert events == []
        pages += 1
    assert pages > 1 or WAITING < 50000  # none examines all there is
    assert str(WAITING) in re.sub(r"[ ,.']", "", command(daemon, "status"))


def the_disk_is_bounded(folder, capsys):
    """What was delivered goes after its time, and what comes then takes its room."""
    daemon = big_queue(folder, keep="1s")
    with daemon:
        full = store_bytes(daemon)
        wait_for(lambda: told(daemon, "/api/status")["store"]["events"] <= DEAD, "retention", 60 + WAITING // 1000)
        store = told(daemon, "/api/status")["store"]
        # Those of dead letters are kept.
        assert daemon.rows("SELECT count(*) FROM event") == [(DEAD,)] and store["events"] == DEAD
        free = store["free_bytes"]
        flood(daemon, [f"x-{n}" for n in range(WAITING // 5)])
        daemon.drained()
        wait_for(lambda: daemon.rows("SELECT count(*) FROM event") == [(DEAD,)], "retention of what came then")
        again = store_bytes(daemon)
        say(capsys, f"the store: {full >> 20} MiB when all was delivered, {free >> 20} MiB of it free after retention; {again >> 20} MiB "
            f"after {WAITING // 5} more")
        assert free >= full * 0.7 and again <= full + (1 << 20)
