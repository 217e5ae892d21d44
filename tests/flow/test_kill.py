"""kill -9 at random moments under load: what got a 200 is delivered, at least once."""

import collections
import contextlib
import http.client
import json
import os
import random
import shutil
import sqlite3
import threading
import time
from pathlib import Path

from grapnel_test import Daemon, event, lines, wait_for

ROUNDS = int(os.environ.get("GRAPNEL_KILL_ROUNDS", 10 if os.environ.get("GRAPNEL_SANITIZE") else 50))
SENDERS = 8
CONFIG = """
limits: { threads: 16 }
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }
plugins:
  logging: { settings: { path: events.log } }
routes:
  "*": [ logging ]
"""


class Load:
    """Threads that send unique events until the daemon is gone."""

    def __init__(self, daemon, prefix):
        self.accepted, self.errors = [], []
        self.threads = [threading.Thread(target=self.send, args=(daemon, f"{prefix}-{n}")) for n in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def send(self, daemon, prefix):
        sender = daemon.sender()
        for n in range(1_000_000):
            try:
                status, text = sender.post(event(f"{prefix}-{n}"))
            except (OSError, http.client.HTTPException):
                break
            if status != 200 or "duplicate" in text:
                self.errors.append((status, text))
                break
            self.accepted.append(f"{prefix}-{n}")
        sender.close()

    def join(self):
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors[:3]


def after_a_crash(folder, scratch):
    """The ids of open deliveries as a copy of the store's files shows them after its recovery; checks that it is whole."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name in ("grapnel.db", "grapnel.db-wal"):
        if (folder / "state" / name).exists():
            shutil.copy(folder / "state" / name, scratch / name)
    with contextlib.closing(sqlite3.connect(scratch / "grapnel.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT e.external_id FROM delivery d JOIN event e ON e.number = d.event"
        return {row[0] for row in database.execute(query)}


def runs(pid):
    """Not ended; one that has ended may still wait for whoever inherits orphans on this machine to note it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_was_answered_is_delivered(tmp_path, capsys):
    seed = int(os.environ.get("GRAPNEL_SEED", time.time_ns() % 1_000_000))
    chance = random.Random(seed)
    daemon = Daemon(tmp_path, CONFIG)
    accepted, may_repeat = [], collections.Counter()
    for round in range(ROUNDS):
        daemon.start()
        load = Load(daemon, f"r{round}")
        time.sleep(chance.uniform(0, 0.3))  # the random moment itself, not a wait for anything
        workers = daemon.workers()
        daemon.kill()
        killed = time.monotonic()
        wait_for(lambda: not any(map(runs, workers)), "the workers to be gone", 1)
        gone = time.monotonic() - killed
        assert gone < 1, gone
        load.join()
        accepted += load.accepted
        in_file = {line["id"] for line in whole_lines(tmp_path / "events.log")}
        may_repeat.update(after_a_crash(tmp_path, tmp_path / "copy") & in_file)
    with daemon:
        daemon.drained()
        times = collections.Counter(line["id"] for line in lines(tmp_path / "events.log"))
        lost = [id for id in accepted if not times[id]]
        repeated = {id: count - 1 for id, count in times.items() if count > 1}
        with capsys.disabled():
            print(
                f"\nkill -9: seed {seed}, {ROUNDS} rounds, {len(accepted)} events answered 200, {len(lost)} lost, "
                f"{sum(repeated.values())} deliveries repeated of {sum(may_repeat.values())} that were not settled"
            )
        assert len(accepted) > ROUNDS
        assert not lost, lost[:10]
        for id, count in repeated.items():
            assert count <= may_repeat[id], (id, count, may_repeat[id])
        assert daemon.rows("PRAGMA integrity_check") == [("ok",)]


def whole_lines(path):
    """As `lines`, but the last line may be cut off: the plugin was killed too."""
    if not path.exists():
        return []
    text = path.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
