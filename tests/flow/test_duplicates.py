"""The same event many times at once: stored once, delivered once, answered 200 each time."""

import threading

from grapnel_test import Daemon, event, lines

CONFIG = """
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }
  other: { path: /other, signature: cryptopay, secrets: [ whsec_test_secret ] }
plugins:
  logging: { settings: { path: events.log } }
routes:
  "*": [ logging ]
"""

CONNECTIONS, TIMES = 64, 1000


def test_one_event_a_thousand_times_over_64_connections(tmp_path):
    body = event("evt_1")
    answers, start = [], threading.Barrier(CONNECTIONS)

    def send(daemon, count):
        sender = daemon.sender()
        start.wait()
        answers.extend(sender.post(body) for _ in range(count))
        sender.close()

    with Daemon(tmp_path, CONFIG) as daemon:
        counts = [TIMES // CONNECTIONS + (n < TIMES % CONNECTIONS) for n in range(CONNECTIONS)]
        threads = [threading.Thread(target=send, args=(daemon, count)) for count in counts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == TIMES
        assert answers.count((200, '{"received":true}')) == 1
        assert answers.count((200, '{"received":true,"duplicate":true}')) == TIMES - 1
        daemon.drained()
        assert daemon.rows("SELECT external_id FROM event") == [("evt_1",)]
    assert [line["id"] for line in lines(tmp_path / "events.log")] == ["evt_1"]


def test_a_duplicate_is_known_after_a_restart_and_only_within_its_source(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    with daemon:
        daemon.sender().accepted(event("evt_1"))
    with daemon:
        assert daemon.sender().post(event("evt_1")) == (200, '{"received":true,"duplicate":true}')
        assert daemon.sender(path="/other").post(event("evt_1")) == (200, '{"received":true}')
        daemon.drained()
    assert [(line["source"], line["id"]) for line in lines(tmp_path / "events.log")] == [
        ("cryptopay", "evt_1"),
        ("other", "evt_1"),
    ]
