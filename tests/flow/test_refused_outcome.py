"""An outcome that the database refuses: it is kept and written later, the plugin's work is not repeated, and nobody else waits for it."""

import contextlib
import sqlite3

from grapnel_test import Daemon, event, wait_for

CONFIG = """
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }
plugins:
  misbehave:
    retry: { first: 50ms, factor: 1, jitter: 0% }
    settings: { record: record.txt }
routes:
  "*": [ misbehave ]
"""
# The first event can't be settled before there are three.
REFUSAL = """
CREATE TRIGGER refusal BEFORE DELETE ON delivery WHEN old.event = 1 AND (SELECT count(*) FROM event) < 3
BEGIN
    SELECT RAISE(ABORT, 'told to refuse');
END
"""


def test_it_is_settled_in_the_end_and_delivered_once(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    with daemon:
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "grapnel.db")) as database:
        database.execute(REFUSAL)
    with daemon:
        sender = daemon.sender()
        sender.accepted(event("e1", do="ok"))
        wait_for(lambda: "told to refuse" in daemon.log(), "the first event's outcome")
        sender.accepted(event("e2", do="retry", times=2))  # its retries hang on what the store says of outcomes before
        wait_for(lambda: daemon.rows("SELECT event FROM delivery") == [(1,)], "the retries of the second event")
        sender.accepted(event("e3", do="ok"))
        daemon.drained()
    handed = (tmp_path / "record.txt").read_text().splitlines()
    assert handed == ["e1 1", "e2 1", "e2 2", "e2 3", "e3 1"]
