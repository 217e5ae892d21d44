"""grapnel backup while events come: what it makes is a whole store. And the commands work while the config is being repaired."""

import contextlib
import shutil
import sqlite3
import threading

import pytest

from grapnel_test import GRAPNEL, Daemon, event, run, wait_for
from operate_test import Stream, command, command_json, plugin_status, stamps, told

CONFIG = """
sources:
  cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }
plugins:
  stamp:
    retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 2 }
    settings: { record: record.txt, fixed: fixed }
routes:
  "*": [ stamp ]
"""


class Load:
    """Sends events until it is ended; `accepted` are the ids that were answered with 200."""

    def __init__(self, daemon, senders=2):
        self.daemon, self.ends, self.lock, self.accepted, self.errors = daemon, threading.Event(), threading.Lock(), [], []
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(senders)]

    def run(self, number):
        try:
            stream, part = Stream(self.daemon.addresses[0]), 0
            while not self.ends.is_set():
                ids = [f"s{number}-{part}-{n}" for n in range(10)]
                # One in ten fails for good, so that there are dead letters in the copy too.
                stream.accepted([event(id, **({"do": "fail"} if id.endswith("9") else {})) for id in ids])
                with self.lock:
                    self.accepted += ids
                part += 1
            stream.close()
        except BaseException as error:
            self.errors.append(error)

    def so_far(self):
        assert not self.errors, self.errors
        with self.lock:
            return list(self.accepted)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors


def ids_in(path):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return {id for (id,) in database.execute("SELECT external_id FROM event")}


def test_a_backup_under_load_holds_all_that_was_acknowledged(tmp_path):
    folder, restored = tmp_path / "a", tmp_path / "b"
    folder.mkdir()
    restored.mkdir()
    file = tmp_path / "copy.db"
    with Daemon(folder, CONFIG) as daemon:
        with Load(daemon) as load:
            wait_for(lambda: len(load.so_far()) >= 1000, "some events")
            before = load.so_far()
            command(daemon, "backup", file)
            after = load.so_far()
            wait_for(lambda: len(load.so_far()) > len(after), "events to go on coming")
        # It is never overwritten, and nothing is left beside it.
        made = file.read_bytes()
        assert str(file) in run(GRAPNEL, "backup", file, "-c", daemon.config).stderr
        command(daemon, "backup", file, code=1)
        assert file.read_bytes() == made and [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy.db"]
        assert file.stat().st_mode & 0o077 == 0  # it holds what customers paid
    assert set(before) <= ids_in(file)

    (restored / "state").mkdir(mode=0o700)
    shutil.copy(file, restored / "state" / "grapnel.db")
    with Daemon(restored, CONFIG) as daemon:
        daemon.drained()
        sender = daemon.sender()
        for id in (before[0], before[-1], before[-10]):
            assert sender.post(event(id, again=True)) == (200, '{"received":true,"duplicate":true}')
        for id in before[:20] + before[-20:]:
            story = told(daemon, f"/api/events/cryptopay/{id}")
            assert story["state"] == ("dead" if id.endswith("9") else "done"), story
        # What had been delivered before the copy was made is not delivered again by it.
        ours, theirs = {stamp.id for stamp in stamps(folder)}, {stamp.id for stamp in stamps(restored)}
        assert len(theirs) < len(ours)
        sender.accepted(event("after"))
        wait_for(lambda: "after" in {stamp.id for stamp in stamps(restored)}, "what came after to be delivered")
        dead = plugin_status(daemon, "stamp")["dead"]
        assert dead == daemon.rows("SELECT count(*) FROM dead")[0][0] > 0


def test_a_backup_of_a_stopped_daemon(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
    command(daemon, "backup", tmp_path / "copy.db")
    assert ids_in(tmp_path / "copy.db") == {"e1"}
    assert "nowhere" in run(GRAPNEL, "backup", tmp_path / "nowhere" / "copy.db", "-c", daemon.config).stderr
    command(daemon, "backup", tmp_path / "nowhere" / "copy.db", code=1)


@pytest.mark.parametrize("broken", [
    "plugins: [ this, is, no, map ]\nsources: 7\nno_such_key: 1\n",
    "sources: { a: { path: /a, signature: stripe, secrets: [ { file: nowhere } ] } }\nplugins: { gone: { file: gone.so } }\n",
])
def test_the_commands_work_while_the_config_is_broken(tmp_path, broken):
    with Daemon(tmp_path, CONFIG) as daemon:
        daemon.sender().accepted(event("e1", do="fail"))
        wait_for(lambda: plugin_status(daemon, "stamp")["dead"] == 1, "a dead letter")
        good = daemon.config.read_text()
        daemon.config.write_text(f"state: ./state\n{broken}")
        assert run(GRAPNEL, "check", "-c", daemon.config).returncode == 1
        assert command_json(daemon, "status")["plugins"][0]["dead"] == 1
        assert [each["id"] for each in command_json(daemon, "events")] == ["e1"]
        assert [each["id"] for each in command_json(daemon, "dead")] == ["e1"]
        assert command_json(daemon, "show", "cryptopay/e1")["state"] == "dead"
        (tmp_path / "fixed").touch()
        command(daemon, "retry", "--plugin", "stamp", "cryptopay/e1")
        daemon.drained()
        assert command_json(daemon, "show", "cryptopay/e1")["state"] == "done"
        command(daemon, "backup", tmp_path / "copy.db")
        assert ids_in(tmp_path / "copy.db") == {"e1"}
        daemon.config.write_text(good)
