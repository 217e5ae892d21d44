"""The admin API over the control socket: every question, what is wrong with one, pages under load, and orders from several at once."""

import collections
import contextlib
import http.client
import itertools
import json
import os
import re
import signal
import sqlite3
import threading
import urllib.parse

import pytest

from grapnel_test import Daemon, event, wait_for
from operate_test import Local, ask, exchange, flood, page, plugin_status, told

CONFIG = """
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }
  stripe: { path: /stripe, signature: stripe, secrets: [ whsec_test_other ] }
plugins:
  steered:
    workers: 2
    retry: { attempts: 1 }
    settings: { record: record.txt }
routes:
  payment.*: [ steered ]
"""
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ")

HOSTILE = [
    "a/b",
    "../../etc/passwd",
    "//",
    "/",
    "%2F",
    "%",
    "%00",
    "a b+c",
    "?limit=1&cursor=5#x",
    '"\\\'{}',
    "€ 日本 😀 \u202e",
    ".",
    "..",
    "x" * 512,
    "€" * 170,
]


@pytest.fixture
def daemon(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        yield daemon


def steer(daemon, what):
    """What the plugin does from now on; replaced as a whole, as it may be read at any time."""
    new = daemon.folder / "steer.new"
    new.write_text(what + "\n")
    new.rename(daemon.folder / "steer.txt")


def send(daemon, *ids, **object):
    with contextlib.closing(daemon.sender()) as sender:
        for id in ids:
            sender.accepted(event(id, **object))


def begun(daemon):
    """How often the plugin began with each event."""
    path = daemon.folder / "record.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return collections.Counter(line.split()[1] for line in lines if line.startswith("begin "))


def keys(daemon, id):
    return [line.split()[3] for line in (daemon.folder / "record.txt").read_text().splitlines() if line.startswith(f"begin {id} ")]


def dead(daemon, count):
    wait_for(lambda: plugin_status(daemon, "steered")["dead"] == count, f"{count} dead letters")


def pages(daemon, path):
    while path:
        rows, path = page(daemon, path)
        yield rows


def event_path(id, source="cryptopay"):
    return f"/api/events/{source}/{urllib.parse.quote(id, safe='')}"


def letter(id, **more):
    return {"plugin": "steered", "source": "cryptopay", "id": id, **more}


def orders(daemon, path, **first):
    """All answers of an order that goes on by `until` and `cursor`."""
    answer = told(daemon, path, first)
    yield answer
    while answer["cursor"] is not None:
        answer = told(daemon, path, {**first, "until": answer["until"], "cursor": answer["cursor"]})
        yield answer


def total(answers, what="changed"):
    return sum(answer[what] for answer in answers)


def test_status(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1", "evt_2")
    send(daemon, "evt_3", type="refund")
    with contextlib.closing(daemon.sender()) as sender:
        assert sender.post(event("evt_1"))[0] == 200
    dead(daemon, 2)
    status = told(daemon, "/api/status")
    assert status["pid"] == daemon.process.pid
    assert status["listening"] == daemon.addresses
    assert status["config"] == str(daemon.config) and status["state"] == str(daemon.folder / "state")
    assert TIME.fullmatch(status["started"]) and status["intake"] == "open" and status["why"] is None
    assert status["store"]["path"] == str(daemon.folder / "state" / "grapnel.db")
    assert status["store"]["events"] == 3 and status["store"]["unrouted"] == 1
    assert status["store"]["bytes"] > status["store"]["free_bytes"] >= 0 and TIME.fullmatch(status["store"]["oldest"])
    wait_for(lambda: plugin_status(daemon, "steered")["running"] == 2, "both workers")
    (plugin,) = told(daemon, "/api/status")["plugins"]
    assert plugin["plugin"] == "steered" and plugin["state"] == "configured" and plugin["file"].endswith("/steered.so")
    assert plugin["workers"] == plugin["running"] == 2 and sorted(plugin["processes"]) == sorted(daemon.workers())
    assert (plugin["pending"], plugin["retrying"], plugin["dead"], plugin["held"]) == (0, 0, 2, 0)
    assert (plugin["breaker"], plugin["probe"], plugin["rate"], plugin["why"]) == ("closed", None, None, None)
    assert plugin["outcomes"] == {"ok": 0, "retry": 0, "busy": 0, "fail": 2, "crash": 0, "deadline": 0}
    assert set(plugin["restarts"]) == {"exit", "signal", "deadline", "garbage", "memory", "init"} and plugin["service_ms"] > 0
    assert status["sources"] == [
        {"source": "cryptopay", "path": "/webhook", "accepted": 3, "duplicate": 1, "refused": 0},
        {"source": "stripe", "path": "/stripe", "accepted": 0, "duplicate": 0, "refused": 0},
    ]


def test_a_plugin_that_is_gone_is_parked(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    dead(daemon, 1)
    steer(daemon, "retry 3600000")
    daemon.config.write_text(daemon.config.read_text().replace("attempts: 1", "attempts: 9"))
    assert daemon.stop() == 0
    daemon.start()
    send(daemon, "evt_2")
    wait_for(lambda: plugin_status(daemon, "steered")["retrying"] == 1, "a retry")
    (retrying,) = told(daemon, "/api/events?state=retrying")
    assert TIME.fullmatch(retrying["deliveries"][0]["next"])
    assert daemon.stop() == 0
    daemon.config.write_text(daemon.config.read_text().replace("  steered:\n", "  other:\n    file: steered.so\n").replace("[ steered ]", "[ other ]"))
    daemon.start()
    parked = plugin_status(daemon, "steered")
    assert (parked["state"], parked["retrying"], parked["dead"], parked["workers"]) == ("parked", 1, 1, 0)
    assert ask(daemon, "/api/retry", letter("evt_1"))[0] == 409
    assert total(orders(daemon, "/api/discard", plugin="steered", all=True)) == 2
    assert [plugin["plugin"] for plugin in told(daemon, "/api/status")["plugins"]] == ["other"]


def test_a_daemon_that_stops_is_still_asked(daemon):
    """While workers finish what they hold; a second signal ends that."""
    steer(daemon, "fail")
    send(daemon, "evt_1")
    dead(daemon, 1)
    steer(daemon, "hang")
    send(daemon, "evt_2")
    wait_for(lambda: plugin_status(daemon, "steered")["held"] == 1, "the plugin to hold it")
    daemon.process.send_signal(signal.SIGTERM)
    wait_for(lambda: told(daemon, "/api/status")["intake"] == "stopping", "the stop")
    assert plugin_status(daemon, "steered")["held"] == 1
    assert told(daemon, "/api/retry", letter("evt_1"))["changed"] == 1
    assert daemon.stop() == 0
    daemon.start()
    assert plugin_status(daemon, "steered")["pending"] == 2
    assert told(daemon, "/api/status")["store"]["events"] == 2
    steer(daemon, "ok")
    for worker in daemon.workers():
        os.kill(worker, signal.SIGKILL)  # which hang
    daemon.drained()


def test_a_store_that_can_not_be_written_to(daemon):
    """Somebody else has locked the database: what can be read is told, orders are refused, and nothing is half done."""
    steer(daemon, "fail")
    send(daemon, "evt_1")
    dead(daemon, 1)
    steer(daemon, "ok")
    path = daemon.folder / "state" / "grapnel.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        with contextlib.closing(daemon.sender()) as sender:
            assert sender.post(event("evt_2"))[0] == 503
        status = told(daemon, "/api/status")
        assert status["intake"] == "refusing" and status["why"]
        assert [row["id"] for row in told(daemon, "/api/dead")] == ["evt_1"]
        code, answer = ask(daemon, "/api/retry", letter("evt_1"))
        assert code == 503 and "store" in answer["error"]
        other.execute("ROLLBACK")
    send(daemon, "evt_2")
    assert told(daemon, "/api/status")["intake"] == "open"
    assert ask(daemon, "/api/retry", letter("evt_1"))[0] in (200, 409)  # what was refused may still have come late
    daemon.drained()
    assert begun(daemon) == {"evt_1": 2, "evt_2": 1}


def test_the_story_of_an_event(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    dead(daemon, 1)
    (listed,) = told(daemon, "/api/dead")
    assert TIME.fullmatch(listed.pop("received")) and TIME.fullmatch(listed["at"])
    assert listed["error"] == "steered to fail"
    assert {**listed, "at": 0} == {
        "plugin": "steered", "source": "cryptopay", "id": "evt_1", "type": "payment.succeeded", "state": "dead",
        "attempts": 1, "next": None, "reason": "fail", "error": "steered to fail", "at": 0,
    }
    steer(daemon, "ok")
    assert told(daemon, "/api/retry", letter("evt_1")) == {"changed": 1, "skipped": 0, "until": None, "cursor": None}
    wait_for(lambda: told(daemon, event_path("evt_1"))["state"] == "done", "its delivery")
    assert told(daemon, "/api/replay", {"source": "cryptopay", "id": "evt_1"})["changed"] == 1
    wait_for(lambda: len(keys(daemon, "evt_1")) == 3, "its replay")
    wait_for(lambda: told(daemon, event_path("evt_1"))["state"] == "done", "its replay's delivery")
    story = told(daemon, event_path("evt_1"))
    first, again, replayed = keys(daemon, "evt_1")
    assert first == again and replayed == first + "~1" == story["deliveries"][0]["key"]
    assert story["secret"] == 1 and story["headers"]["content-type"] == "application/json"
    assert "x-cryptopay-signature" not in story["headers"]
    assert [attempt["outcome"] for attempt in story["deliveries"][0]["history"]] == ["fail"]
    assert story["deliveries"][0]["history"][0]["duration_ms"] > 0
    assert [entry["entry"] for entry in story["journal"]] == ["dead", "retried", "done", "replayed", "done"]
    assert story["deliveries"][0]["replay"] == 1
    status, headers, body = exchange(daemon, event_path("evt_1") + "?part=body")
    assert (status, body) == (200, event("evt_1")) and story["size"] == len(body)


def test_pages_while_events_come(daemon):
    """The first 1200 are told once each, in order, whatever comes meanwhile."""
    COUNT = 1200
    ids = [f"evt_{n}" for n in range(COUNT)]
    flood(daemon, ids, connections=1)
    enough, errors = threading.Event(), []

    def go_on():
        try:
            with contextlib.closing(daemon.sender()) as sender:
                for n in itertools.count():
                    if enough.is_set():
                        return
                    sender.accepted(event(f"later_{n}"))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for path in ["/api/events?limit=50", "/api/events?type=payment.*&source=cryptopay&limit=7&since=1h", "/api/events?limit=500"]:
            told_ids = [row["id"] for rows in pages(daemon, path) for row in rows]
            assert [id for id in told_ids if id.startswith("evt_")] == ids[::-1]
            assert len(set(told_ids)) == len(told_ids)
    finally:
        enough.set()
        thread.join()
    assert not errors, errors


def test_dead_letters_by_the_page(daemon):
    COUNT = 1200
    ids = [f"evt_{n}" for n in range(COUNT)]
    steer(daemon, "fail")
    flood(daemon, ids, connections=1)
    dead(daemon, COUNT)
    for path in ["/api/dead", "/api/dead?plugin=steered&limit=499"]:
        assert [row["id"] for rows in pages(daemon, path) for row in rows] == ids[::-1]
    steer(daemon, "ok")
    assert total(orders(daemon, "/api/retry", plugin="steered", all=True, limit=100)) == COUNT
    daemon.drained()
    assert begun(daemon) == {id: 2 for id in ids}
    answers = list(orders(daemon, "/api/replay", filter={"state": "done", "since": "1h"}))
    assert (total(answers), total(answers, "skipped"), total(answers, "unrouted")) == (COUNT, 0, 0)
    daemon.drained()
    assert begun(daemon) == {id: 3 for id in ids}
    assert plugin_status(daemon, "steered")["outcomes"]["ok"] == 2 * COUNT


def test_hostile_ids(daemon):
    steer(daemon, "fail")
    send(daemon, *HOSTILE)
    dead(daemon, len(HOSTILE))
    assert sorted(row["id"] for row in told(daemon, "/api/dead?limit=500")) == sorted(HOSTILE)
    steer(daemon, "ok")
    for id in HOSTILE:
        story = told(daemon, event_path(id))
        assert story["id"] == id and story["deliveries"][0]["state"] == "dead"
        assert exchange(daemon, event_path(id) + "?part=body")[2] == event(id)
        assert told(daemon, "/api/retry", letter(id))["changed"] == 1
    daemon.drained()
    for id in HOSTILE:
        status, answer = ask(daemon, "/api/retry", letter(id))
        assert status == 409 and "it is done since" in answer["error"]


def raw(daemon, *parts):
    """What is answered to bytes that http.client would not send: status and JSON."""
    with contextlib.closing(Local(daemon.folder / "state")) as connection:
        connection.connect()
        for part in parts:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sock.sendall(part)
        answer = http.client.HTTPResponse(connection.sock)
        answer.begin()
        return answer.status, json.loads(answer.read())


def post(path, body, *headers):
    lines = [f"POST {path} HTTP/1.1", "Host: x", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_what_is_wrong_is_told(daemon):
    """Nothing of this changes anything, or ends the daemon."""
    send(daemon, "evt_1")
    wrong = [
        (b"GET /api/events/cryptopay/%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "SOURCE/ID"),
        (b"GET /api/events/cryptopay/a%00b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "SOURCE/ID"),
        (b"GET /api/events/cryptopay/" + b"%41" * 1100 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400, "SOURCE/ID"),
        (b"GET /api/events/cryptopay/../../status HTTP/1.1\r\nHost: x\r\n\r\n", 404, "no event"),
        (b"GET /api/events?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "1 to 500"),
        (b"GET /api/refused?source=cryptopay%00zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "zero byte"),
        (b"DELETE /api/events/cryptopay/evt_1 HTTP/1.1\r\nHost: x\r\n\r\n", 405, "use GET"),
        (b"GET /api/retry HTTP/1.1\r\nHost: x\r\n\r\n", 405, "use POST"),
        (post("/api/retry", b""), 400, "no body"),
        (post("/api/retry", b"", "Content-Length: 0"), 400, "no body"),
        (post("/api/retry", b"{}", "Content-Length: 2"), 400, "plugin"),
        (post("/api/retry", b"{]", "Content-Length: 2"), 400, "not JSON"),
        (post("/api/retry", b"[" * 60000, "Content-Length: 60000"), 400, "nested too deep"),
        (post("/api/retry", b"\xff\xfe", "Content-Length: 2"), 400, "not JSON"),
        (post("/api/retry", b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 400, "plugin"),
        (post("/api/retry", b"x" * 65537, "Content-Length: 65537"), 413, "65536"),
        (post("/api/retry", b"11000\r\n" + b" " * 0x11000 + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 413, "65536"),
        (post("/api/retry", b"{}", "Content-Length: 2", "Content-Type: text/plain"), 415, "application/json"),
    ]
    for data, status, words in wrong:
        answer = raw(daemon, data)
        assert answer[0] == status and words in answer[1]["error"], (data[:100], answer)
    status, answer = ask(daemon, "/api/retry", {"plugin": "steerd", "all": True})
    assert status == 404 and 'did you mean "steered"?' in answer["error"]
    daemon.drained()
    assert begun(daemon) == {"evt_1": 1}


def test_eight_retry_the_same_letter(daemon):
    """However many ask at once, it is delivered once more for each time that it was dead."""
    ROUNDS, CROWD = 20, 8
    for round in range(1, ROUNDS + 1):
        steer(daemon, "fail")
        send(daemon, f"evt_{round}")
        dead(daemon, round)
        answers, barrier = [], threading.Barrier(CROWD)

        def retry():
            barrier.wait()
            answers.append(ask(daemon, "/api/retry", letter(f"evt_{round}")))

        threads = [threading.Thread(target=retry) for _ in range(CROWD)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # One that came when it was dead again has put it back once more.
        changed = [answer for status, answer in answers if status == 200]
        assert len(answers) == CROWD and len(changed) >= 1 and {status for status, _ in answers} <= {200, 409}, answers
        wait_for(lambda: begun(daemon)[f"evt_{round}"] >= 1 + len(changed), "its delivery")
        dead(daemon, round)
        assert begun(daemon)[f"evt_{round}"] == 1 + len(changed)


def test_orders_meet_each_other(daemon):
    """Retries, discards and replays of the same letters at once: each is somewhere in the end, and the counts are right."""
    COUNT = 300
    ids = [f"evt_{n}" for n in range(COUNT)]
    steer(daemon, "fail")
    flood(daemon, ids)
    dead(daemon, COUNT)
    steer(daemon, "ok")
    errors = []

    def give(path, **first):
        try:
            for answer in orders(daemon, path, **first):
                assert answer["changed"] >= 0 and answer["skipped"] >= 0
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=give, args=("/api/retry",), kwargs={"plugin": "steered", "all": True, "limit": 7}),
        threading.Thread(target=give, args=("/api/discard",), kwargs={"plugin": "steered", "all": True, "limit": 11}),
        threading.Thread(target=give, args=("/api/replay",), kwargs={"filter": {"since": "1h"}, "limit": 13}),
        threading.Thread(target=give, args=("/api/retry",), kwargs={"plugin": "steered", "all": True, "limit": 5}),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors
    daemon.drained()
    plugin = wait_for(lambda: (found := plugin_status(daemon, "steered"))["held"] == 0 and found, "all to be over")
    assert (plugin["pending"], plugin["retrying"], plugin["dead"]) == (0, 0, 0)
    journal = collections.Counter(
        entry["entry"] for id in ids for entry in told(daemon, event_path(id))["journal"]
    )
    assert journal["dead"] == COUNT == journal["retried"] + journal["discarded"]
    assert journal["done"] == journal["retried"] + journal["replayed"]
    assert sum(begun(daemon).values()) == COUNT + journal["done"]
