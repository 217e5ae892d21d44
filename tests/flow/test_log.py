"""The log for programs: every line is JSON, with the keys that README.md lists and no others, whatever strangers and plugins do."""

import json
import re
import socket

from grapnel_test import SLOWNESS, SOURCE, Daemon, event, wait_for
from operate_test import Stream, told

CONFIG = """
log: { level: debug, format: json }
limits: { body: 1MiB }
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }
plugins:
  stamp:
    retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 3 }
    breaker: { failures: 1000, first: 1s, longest: 1s }
    settings: { record: record.txt, fixed: fixed }
  misbehave: { retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 2 }, deadline: 1s }
routes:
  payment.*: [ stamp ]
  talk: [ misbehave ]
"""
ALWAYS = {"time": "time", "level": "text", "message": "text"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def manual():
    """{key: kind} of README.md's table."""
    text = (SOURCE / "README.md").read_text()
    (table,) = re.findall(r"\| key \| \| \|\n\| --- \| --- \| --- \|\n((?:\|.*\n)*)", text)
    return dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.M))


def keys_of_the_source():
    kinds = {"TEXT": "text", "NUMBER": "number", "TIME": "time", "DURATION": "number"}
    text = (SOURCE / "core" / "base" / "log_keys.c").read_text()
    return {name: (kinds[kind], words) for name, kind, words in re.findall(r'\{ "(\w+)", LOG_KIND_(\w+),\s*"((?:[^"\\]|\\.)*)" \}', text)}


def whole(text):
    """The lines, each an object with keys that are documented and values of their kinds."""
    known, lines = {**ALWAYS, **manual()}, []
    for line in text.splitlines():
        pairs = json.loads(line, object_pairs_hook=list)
        assert len(line.encode()) < 4096 and len({key for key, _ in pairs}) == len(pairs), line
        assert [key for key, _ in pairs[:3]] == list(ALWAYS), line
        for key, value in pairs:
            assert key in known, f"{key} is not in README.md: {line}"
            wanted = {"text": str, "time": str, "number": (int, float)}[known[key]]
            assert isinstance(value, wanted) and not isinstance(value, bool), (key, line)
            assert known[key] != "time" or re.fullmatch(TIME, value), (key, line)
        lines.append(dict(pairs))
    return lines


def the_one(lines, words, **wanted):
    """The first line with these words, which has these members too."""
    found = [line for line in lines if words in line["message"]]
    assert found, (words, [line["message"] for line in lines])
    assert {key: found[0].get(key) for key in wanted} == wanted, found[0]
    return found[0]


def test_the_manual_lists_the_keys():
    keys = keys_of_the_source()
    assert manual() == {name: kind for name, (kind, _) in keys.items()}
    text = (SOURCE / "README.md").read_text()
    for name, (kind, words) in keys.items():
        assert f"| `{name}` | {kind} | {words} |" in text


def hostile(daemon):
    """What strangers send: bytes that are no text, quotes, line ends, terminal commands."""
    host, _, port = daemon.addresses[0].rpartition(":")
    for request in (
        b"GET /\xff\xfe\"\\\x1b[2J HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /%22%5c%0a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        b"\"\\\x00\x1b\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Type: a/\"b\\\x80\r\nContent-Length: 2\r\n\r\n{}",
    ):
        with socket.create_connection((host, int(port)), timeout=60 * SLOWNESS) as connection:
            connection.sendall(request)
            assert connection.recv(4096)


def test_every_line_is_json_with_known_keys(tmp_path):
    with Daemon(tmp_path, CONFIG + "retain: { events: 2d, ids: 3d }\n", plugins_crash=True) as daemon:
        sender = daemon.sender()
        sender.accepted(event('good-"\\é'))
        sender.accepted(event("retry", do="retry"))
        sender.accepted(event("fail", do="fail"))
        sender.accepted(event("crash", do="segfault"))
        sender.accepted(event("talk", "talk", do="talk"))
        sender.accepted(event("hang", "talk", do="hang"))
        sender.accepted(event("lost", "no.route"))
        sender.accepted(event("twice"))
        assert sender.post(event("twice", other=1))[0] == 200
        assert daemon.sender(secret="another").post(event("forged"))[0] == 400
        hostile(daemon)
        wait_for(lambda: len(told(daemon, "/api/dead")) == 4, "the dead letters")
        sender.accepted(event("busy", do="busy"))
        wait_for(lambda: '"breaker":"open"' in daemon.log(), "the breaker to be open")
        (tmp_path / "fixed").touch()
        stream = Stream(daemon.addresses[0])
        stream.accepted([event(f"more-{n}") for n in range(100)])
        stream.close()
        daemon.drained()
    lines = whole(daemon.log())
    the_one(lines, "ready: listening on", level="info")
    the_one(lines, '"ids" is under 4d', level="warn")
    the_one(lines, "refused with 400", source="cryptopay", result="signature", **{"from": "127.0.0.1"})
    assert the_one(lines, "refused with 404", result="path").get("source") is None
    assert "signature" in the_one(lines, "refused with 400")["reason"]
    the_one(lines, "Unhandled event type", source="cryptopay", id="lost", type="no.route", result="accepted", level="info")
    the_one(lines, "came again with another body", id="twice", result="conflict", level="warn")
    the_one(lines, "a duplicate with another body", id="twice", level="debug")
    the_one(lines, 'cryptopay/good-"\\é', id='good-"\\é', type="payment.succeeded", result="accepted", level="debug")
    counts = the_one(lines, "in the last", source="cryptopay")
    assert counts["accepted"] >= 109 and counts["unrouted"] == 1 and counts["duplicate"] == 1 and counts["refused"] >= 1
    # Deliveries.
    about = {"plugin": "stamp", "source": "cryptopay", "type": "payment.succeeded", "level": "warn"}
    first = the_one(lines, "cryptopay/retry: attempt 1 failed", id="retry", attempt=1, outcome="retry", error="told to retry retry", **about)
    assert re.fullmatch(TIME, first["next"]) and first["duration_ms"] >= 0
    died = [line for line in lines if line.get("reason") in ("attempts", "fail", "poison")]
    assert {(line["id"], line["reason"], line["outcome"]) for line in died} == {
        ("retry", "attempts", "retry"), ("fail", "fail", "fail"), ("crash", "poison", "crash"), ("hang", "attempts", "deadline"),
    }
    assert not [line for line in died if "next" in line]
    changes = [line["breaker"] for line in lines if "breaker" in line]
    assert changes[0] == "open" and "slow start" in changes, changes
    assert the_one(lines, "log of talk", plugin="misbehave", level="warn")["worker"] > 1
    the_one(lines, "stderr of talk", plugin="misbehave")
    assert [line for line in lines if line.get("delivered", 0) > 0 and line["plugin"] == "stamp"]
