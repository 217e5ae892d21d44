"""What is done to many deliveries, in batches: ended in the middle by Ctrl-C or by the end of the daemon, and taken up again."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from commands_test import begun, daemon, dead_ids, grapnel, steer  # noqa: F401, daemon is a fixture
from grapnel_test import GRAPNEL, SLOWNESS, run, wait_for
from operate_test import flood


class Relay:
    """Stands between a command and the daemon, and calls `before` with the number of each question to `path`."""

    def __init__(self, folder, daemon, path, before):
        self.folder, self.path, self.before, self.count = folder, path.encode(), before, 0
        self.target = str(daemon.folder / "state/control.sock")
        (folder / "state").mkdir()
        (folder / "grapnel.yaml").write_text("state: ./state\n")
        self.config = folder / "grapnel.yaml"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(folder / "state/control.sock"))
        self.listener.listen()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                asker, _ = self.listener.accept()
                question = asker.recv(65536)
                if b" " + self.path in question:
                    self.count += 1
                    if self.before(self.count) is False:
                        asker.close()
                        continue
                with contextlib.closing(socket.socket(socket.AF_UNIX)) as answerer:
                    answerer.connect(self.target)
                    answerer.sendall(question)
                    while answer := answerer.recv(65536):
                        asker.sendall(answer)
                asker.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@pytest.fixture
def short_folder():
    """A socket's path is short."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@contextlib.contextmanager
def interrupting(folder, daemon, path, at):
    """A relay, and a function that runs a command by it which gets Ctrl-C while its question number `at` is asked."""
    process = None

    def before(number):
        if number == at:
            process.send_signal(signal.SIGINT)

    relay = Relay(folder, daemon, path, before)

    def run_it(*arguments):
        nonlocal process
        process = subprocess.Popen([GRAPNEL, *arguments, "-c", relay.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        out, error = process.communicate(timeout=60 * SLOWNESS)
        return process.returncode, out, error

    try:
        yield run_it
    finally:
        relay.close()


def test_a_retry_of_all_is_interrupted_and_taken_up_again(daemon, short_folder):
    ids = [f"evt_{i:04}" for i in range(5000)]
    steer(daemon, "fail")
    flood(daemon, ids)
    wait_for(lambda: daemon.rows("SELECT count(*) FROM dead") == [(5000,)], "all to be dead", 120)
    steer(daemon, "ok")
    (daemon.folder / "record.txt").unlink()
    with interrupting(short_folder, daemon, "/api/retry", at=3) as run_it:
        code, out, error = run_it("retry", "-p", "steered", "--all")
    assert code == 130 and out == "steered: 750 put back, with fresh attempts\n", (code, out, error)
    assert "interrupted; the same command goes on with the rest" in error
    assert daemon.rows("SELECT count(*) FROM dead") == [(4250,)]
    assert grapnel(daemon, "retry", "-p", "steered", "--all") == "steered: 4250 put back, with fresh attempts\n"
    wait_for(lambda: len(begun(daemon)) >= 5000, "all deliveries", 120)
    daemon.drained()
    assert sorted(id for id, _, _ in begun(daemon)) == ids
    assert dead_ids(daemon) == set()


def test_a_replay_is_interrupted_and_goes_on_from_its_place(daemon, short_folder):
    ids = [f"evt_{i:04}" for i in range(1000)]
    steer(daemon, "ok")
    flood(daemon, ids, connections=1)
    daemon.drained()
    (daemon.folder / "record.txt").unlink()
    with interrupting(short_folder, daemon, "/api/replay", at=2) as run_it:
        code, out, error = run_it("replay", "-p", "steered", "--since", "1h", "--state", "done")
    assert code == 130 and out == "500 deliveries were made\n", (code, out, error)
    place = re.search(r"--from (\S+) goes on", error).group(1)
    daemon.drained()
    # What "so long ago" means has moved on meanwhile, in the end past all of them: it goes on from its place all the same.
    assert grapnel(daemon, "replay", "-p", "steered", "--since", "0s", "--state", "done", "--from", place) == "500 deliveries were made\n"
    daemon.drained()
    assert sorted(id for id, _, key in begun(daemon)) == ids
    assert {key[-2:] for _, _, key in begun(daemon)} == {"~1"}


def test_a_daemon_that_goes_in_the_middle(daemon, short_folder):
    steer(daemon, "fail")
    flood(daemon, [f"evt_{i:04}" for i in range(600)], connections=1)
    wait_for(lambda: daemon.rows("SELECT count(*) FROM dead") == [(600,)], "all to be dead")
    relay = Relay(short_folder, daemon, "/api/discard", lambda number: number < 2)
    done = run(GRAPNEL, "discard", "-p", "steered", "--all", "--yes", "-c", relay.config)
    relay.close()
    assert done.returncode == 1 and done.stdout == "steered: 250 discarded\n", done
    assert "the same command goes on with the rest" in done.stderr
    assert "ended, or broke off, before its answer was complete" in done.stderr
    assert grapnel(daemon, "discard", "-p", "steered", "--all", "--yes") == "steered: 350 discarded\n"


def test_progress_is_told_where_it_lasts(daemon, short_folder):
    steer(daemon, "fail")
    flood(daemon, [f"evt_{i:04}" for i in range(600)], connections=1)
    wait_for(lambda: daemon.rows("SELECT count(*) FROM dead") == [(600,)], "all to be dead")
    began = time.monotonic()

    def before(number):  # each batch ends more than a second after the command began
        wait_for(lambda: time.monotonic() > began + 1.2, "the time after which it is told")

    relay = Relay(short_folder, daemon, "/api/discard", before)
    done = run(GRAPNEL, "discard", "-p", "steered", "--all", "--yes", "-c", relay.config)
    relay.close()
    assert done.returncode == 0 and done.stdout == "steered: 600 discarded\n", done
    assert done.stderr == "grapnel discard: 250 of 600 discarded\n"  # and no other within five seconds


def test_a_list_is_interrupted_between_two_pages(daemon, short_folder):
    steer(daemon, "ok")
    flood(daemon, [f"evt_{i:04}" for i in range(300)], connections=1)
    with interrupting(short_folder, daemon, "/api/events", at=2) as run_it:
        code, out, error = run_it("events", "--json", "--limit", "300")
    assert code == 130 and [row["id"] for row in json.loads(out)] == [f"evt_{i:04}" for i in range(299, 99, -1)]
    cursor = re.search(r"interrupted; go on behind these with --cursor (\S+)", error).group(1)
    rest = json.loads(grapnel(daemon, "events", "--json", "--limit", "300", "--cursor", cursor))
    assert [row["id"] for row in rest] == [f"evt_{i:04}" for i in range(99, -1, -1)]
