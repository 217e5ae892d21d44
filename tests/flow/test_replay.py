"""What was captured and comes again: under a new id, or under its id with another body. Neither is delivered, and both are told of."""

import hashlib
import hmac
import json
import re

from grapnel_test import Daemon, lines, wait_for

CONFIG = """
sources:
  github: { path: /github, signature: github, secrets: [ s3cret ] }
  second: { path: /second, signature: github, secrets: [ s3cret ] }
  trusting: { path: /trusting, signature: github, secrets: [ s3cret ], replay_guard: false }
plugins:
  logging: { settings: { path: events.log } }
routes:
  "*": [ logging ]
"""
ACCEPTED = (200, '{"received":true}')
DUPLICATE = (200, '{"received":true,"duplicate":true}')


def post(daemon, delivery, change, path="/github", type="push"):
    """As GitHub sends it: only the body is signed."""
    body = json.dumps({"ref": "refs/heads/main", "change": change}).encode()
    headers = {
        "X-CryptoPay-Signature": None,
        "X-Hub-Signature-256": "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest(),
        "X-GitHub-Delivery": delivery,
        "X-GitHub-Event": type,
    }
    sender = daemon.sender(path=path)
    answer = sender.post(body, headers)
    sender.close()
    return answer


def told(daemon, warning):
    """It is logged after the answer was sent."""
    wait_for(lambda: f'warn  source {warning}' in daemon.log(), f"the warning {warning}")


def again(daemon):
    """All ways in which the two accepted events can come again."""
    assert post(daemon, "d1", "one") == DUPLICATE
    assert not re.search("again with|a replay", daemon.log())  # what GitHub itself repeats is nobody's fault
    assert post(daemon, "d1", "forged") == DUPLICATE
    told(daemon, '"github": event id "d1" came again with another body')
    assert post(daemon, "new", "one") == DUPLICATE
    told(daemon, '"github": event id "new" is a replay: ')
    assert post(daemon, "new", "two", type="release") == DUPLICATE
    assert post(daemon, "d2", "one") == DUPLICATE  # both are known, of different events


def test_neither_is_delivered_however_the_daemon_ended(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    with daemon:
        assert post(daemon, "d1", "one") == ACCEPTED
        assert post(daemon, "d2", "two") == ACCEPTED
        again(daemon)
    # 5 times again, of which one id had another body twice.
    assert re.search(r"source github: 2 accepted, 5 duplicate \(2 conflict\), 0 refused", daemon.log()), daemon.log()
    with daemon:
        again(daemon)
        assert post(daemon, "d3", "three") == ACCEPTED
        daemon.kill()
    with daemon:
        again(daemon)
        assert post(daemon, "new", "three") == DUPLICATE
        assert post(daemon, "new", "four") == ACCEPTED  # that id was refused before, not taken
        daemon.drained()
        assert daemon.rows("SELECT count(*) FROM event") == [(4,)]
    delivered = {line["id"] for line in lines(tmp_path / "events.log")}
    assert delivered == {"d1", "d2", "d3", "new"}


def test_a_guard_is_its_source_s_own(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        assert post(daemon, "d1", "one") == ACCEPTED
        assert post(daemon, "d2", "one", path="/second") == ACCEPTED


def test_without_the_guard_a_new_id_is_a_new_event(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        assert post(daemon, "d1", "one", path="/trusting") == ACCEPTED
        assert post(daemon, "d2", "one", path="/trusting") == ACCEPTED
        assert post(daemon, "d2", "two", path="/trusting") == DUPLICATE
        told(daemon, '"trusting": event id "d2" came again with another body')
        daemon.drained()
    assert [line["id"] for line in lines(tmp_path / "events.log")] == ["d1", "d2"]
