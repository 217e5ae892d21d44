"""One bad event costs itself, and nobody else: not the others' time, nor their attempts; and people can put it right.

GRAPNEL_EVENTS=100000 sends so many good events beside a bad one.
"""

import threading
import time

import pytest

from grapnel_test import SLOWNESS, Daemon, event, wait_for
from operate_test import (
    MEASURES, Stream, command, command_json, flood, median, number_from_environment, percentile, say, stamps, told,
)

EVENTS = number_from_environment("GRAPNEL_EVENTS", 6000)
LONG = EVENTS >= 100000
PAIRS = 7 if LONG else 6
PER_SECOND, STEP = 1000, 0.02
RETRY_S = 0.05

CONFIG = """
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }}
plugins:
  stamp:
    retry: {{ first: 50ms, factor: 1, jitter: 0%, attempts: {attempts} }}
    settings: {{ record: record.txt, fixed: fixed }}
routes:
  "*": [ stamp ]
"""


def poison(folder, attempts=4, **options):
    return Daemon(folder, CONFIG.format(attempts=attempts), **options)


def letters(daemon):
    return {letter["id"]: letter for letter in told(daemon, "/api/dead?plugin=stamp&limit=500")}


def dies(daemon, id):
    return wait_for(lambda: letters(daemon).get(id), f"{id} to be a dead letter")


def send_evenly(daemon, name, count):
    """So many a second, whatever the answers take, or as nearly as one connection can."""
    stream, begun = Stream(daemon.addresses[0]), time.monotonic()
    size = int(PER_SECOND * STEP)
    for first in range(0, count, size):
        early = begun + first / PER_SECOND - time.monotonic()
        if early > 0:
            threading.Event().wait(early)  # the pace of the load, not a wait for something to happen
        stream.accepted([event(f"{name}-{n}") for n in range(first, min(count, first + size))])
    stream.close()


def latencies(daemon, name, count):
    """Seconds from receipt to the plugin, of each of these good events."""
    wait_for(lambda: sum(stamp.id.startswith(name) for stamp in stamps(daemon.folder)) >= count, f"all of {name}", 60 + count / 500)
    found = [stamp for stamp in stamps(daemon.folder) if stamp.id.startswith(name)]
    assert [stamp.attempt for stamp in found] == [1] * count
    return [stamp.wall - stamp.received for stamp in found]


def p99_with_and_without(daemon, pair, count, attempts):
    found = {}
    for arm in ("with", "without") if pair % 2 else ("without", "with"):
        if arm == "with":
            daemon.sender().accepted(event(f"bad-{pair}", do="retry"))
        send_evenly(daemon, f"{arm}-{pair}", count)
        found[arm] = percentile(latencies(daemon, f"{arm}-{pair}-", count), 0.99)
        if arm == "with":
            letter = dies(daemon, f"bad-{pair}")
            assert (letter["reason"], letter["attempts"], letter["error"]) == ("attempts", attempts, f"told to retry bad-{pair}")
    return found["with"], found["without"]


def delays_nobody(pairs):
    """With many events the middle ones must be alike. With few, while other tests run, one that was not disturbed shows it as well."""
    beside, alone = zip(*pairs)
    if LONG:
        return median(beside) <= median(alone) + max(alone) - min(alone) + 0.001
    return len(pairs) >= 2 and min(beside) <= median(alone) * 1.2 + 0.003 * SLOWNESS


def test_an_event_that_always_fails_delays_no_other(tmp_path, capsys):
    count = -(-EVENTS // PAIRS)
    # As long as good ones come, and dead soon after.
    attempts, pairs = max(20, int(count / PER_SECOND / RETRY_S)), []
    with poison(tmp_path, attempts) as daemon:
        send_evenly(daemon, "warm", 200)
        while len(pairs) < PAIRS and (LONG or not pairs or not delays_nobody(pairs)):
            pairs.append(p99_with_and_without(daemon, len(pairs), count, attempts))
        say(capsys, f"p99 from receipt to plugin beside an event that always fails, and without it, ms: "
            f"{[tuple(round(p99 * 1e3, 2) for p99 in pair) for pair in pairs]}")
        assert delays_nobody(pairs)


def test_a_dead_letter_is_put_right_by_hand(tmp_path):
    with poison(tmp_path) as daemon:
        flood(daemon, [f"good-{n}" for n in range(100)])
        for id in ("bad", "worse"):
            daemon.sender().accepted(event(id, do="retry"))
            letter = dies(daemon, id)
        assert (letter["plugin"], letter["source"], letter["type"], letter["state"]) == ("stamp", "cryptopay", "payment.succeeded", "dead")
        assert {letter["id"]: letter for letter in command_json(daemon, "dead", "--plugin", "stamp")} == letters(daemon)
        table = command(daemon, "dead")
        assert "cryptopay/bad" in table and "attempts" in table and "told to retry bad" in table

        story = command_json(daemon, "show", "cryptopay/bad")
        (delivery,) = story["deliveries"]
        assert (story["state"], delivery["state"], delivery["attempts"], delivery["error"]) == ("dead", "dead", 4, "told to retry bad")
        assert [(entry["attempt"], entry["outcome"], entry["error"]) for entry in delivery["history"]] == [
            (attempt, "retry", "told to retry bad") for attempt in (1, 2, 3, 4)
        ]
        assert "told to retry bad" in command(daemon, "show", "cryptopay/bad")
        key = delivery["key"]

        # Still failing: dead again, after four more attempts.
        died = letters(daemon)["bad"]["at"]
        command(daemon, "retry", "--plugin", "stamp", "cryptopay/bad")
        wait_for(lambda: letters(daemon).get("bad", {}).get("at", died) != died, "bad to be dead again")
        assert [stamp.attempt for stamp in stamps(tmp_path) if stamp.id == "bad"] == [1, 2, 3, 4] * 2
        assert letters(daemon)["bad"]["attempts"] == 4

        # Dropped: it is not tried any more, and the event is kept.
        command(daemon, "discard", "--plugin", "stamp", "cryptopay/worse")
        assert set(letters(daemon)) == {"bad"}
        assert command_json(daemon, "show", "cryptopay/worse")["deliveries"][0]["state"] == "discarded"

        # After the fix it is delivered.
        (tmp_path / "fixed").touch()
        command(daemon, "retry", "--plugin", "stamp", "cryptopay/bad")
        daemon.drained()
        assert letters(daemon) == {}
        story = command_json(daemon, "show", "cryptopay/bad")
        assert (story["state"], story["deliveries"][0]["state"], story["deliveries"][0]["key"]) == ("done", "done", key)
        assert [stamp.attempt for stamp in stamps(tmp_path) if stamp.id == "bad"] == [1, 2, 3, 4] * 2 + [1]
        assert sum(stamp.id == "worse" for stamp in stamps(tmp_path)) == 4
        # What is not dead can't be retried, and it says so.
        command(daemon, "retry", "--plugin", "stamp", "cryptopay/bad", code=1)
        assert told(daemon, "/api/dead?plugin=stamp") == []


@pytest.mark.parametrize("attempts", [3, 10])
def test_an_event_that_crashes_its_plugin_is_poison(tmp_path, attempts):
    with poison(tmp_path, attempts, plugins_crash=True) as daemon:
        ids = [f"good-{n}" for n in range(300)]
        flood(daemon, ids[:150])
        daemon.sender().accepted(event("bad", do="segfault"))
        flood(daemon, ids[150:])
        letter = dies(daemon, "bad")
        daemon.drained()
        assert (letter["reason"], letter["attempts"]) == ("poison", 3)
        assert "SIGSEGV" in letter["error"] or not MEASURES  # a sanitizer may end it in its own way
        (delivery,) = told(daemon, "/api/events/cryptopay/bad")["deliveries"]
        assert [entry["outcome"] for entry in delivery["history"]] == ["crash"] * 3
        # Nobody else was charged, nor came twice.
        assert sorted((stamp.id, stamp.attempt) for stamp in stamps(tmp_path) if stamp.id != "bad") == sorted((id, 1) for id in ids)
        assert daemon.rows("SELECT DISTINCT e.external_id FROM attempt a JOIN event e ON e.number = a.event") == [("bad",)]
        log = [line for line in daemon.log().splitlines() if "cryptopay/bad" in line and "poison" in line]
        assert len(log) == 1, daemon.log()
        # By hand it may be tried again, and is poison again by crashes of its own.
        died = letter["at"]
        assert told(daemon, "/api/retry", {"plugin": "stamp", "source": "cryptopay", "id": "bad"})["changed"] == 1
        wait_for(lambda: letters(daemon).get("bad", {}).get("at", died) != died, "bad to be dead again")
        assert letters(daemon)["bad"]["reason"] == "poison"
