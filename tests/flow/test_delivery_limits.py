"""What a plugin or an event must not cost the daemon: processor time, memory, the time to stop, other events' turn."""

import os
import shutil
import signal
import socket
import sqlite3
import time
from datetime import datetime

import pytest

from grapnel_test import SLOWNESS, TEST_PLUGINS, Daemon, event, wait_for
from test_delivery import POISON, attempts, config, dead

SANITIZED = bool(os.environ.get("GRAPNEL_SANITIZE"))
MIB = 1024 * 1024


def processor_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_memory(pid):
    """The largest resident size so far, in bytes."""
    (line,) = [line for line in open(f"/proc/{pid}/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_a_pause_with_retries_due_uses_no_processor_time(tmp_path):
    retry = "retry: { first: 1s, factor: 1, jitter: 0%, attempts: 100 }"
    with Daemon(tmp_path, config(options=retry)) as daemon:
        sender = daemon.sender()
        sender.accepted(event("e1", do="retry"))
        wait_for(lambda: daemon.rows("SELECT 1 FROM delivery WHERE attempts > 0"), "the retry to be noted")
        sender.accepted(event("e2", do="busy", after_ms=3600_000))
        wait_for(lambda: "all its events wait" in daemon.log(), "the pause")
        due = "SELECT 1 FROM delivery WHERE attempts > 0 AND due_ms < ?"
        wait_for(lambda: daemon.rows(due, int(time.time() * 1000)), "the retry to be due")
        used = processor_seconds(daemon.process.pid)
        time.sleep(1)  # what is measured is the time that passes
        assert processor_seconds(daemon.process.pid) - used < 0.3


def test_an_event_that_its_worker_has_no_memory_for_dies_alone(tmp_path):
    if SANITIZED:
        pytest.skip("a sanitizer's own memory is larger than any limit")
    options = "memory: 8MiB\n    retry: { first: 50ms, factor: 1, jitter: 0%, attempts: 10 }"
    with Daemon(tmp_path, config(options=options) + "limits: { body: 16MiB }\n") as daemon:
        sender = daemon.sender()
        sender.accepted(event("large", pad="x" * 12 * MIB))
        for n in range(20):
            sender.accepted(event(f"e{n}"))
        daemon.drained()
        assert attempts(tmp_path) == {f"e{n}": [1] for n in range(20)}
        ((id, (why, _, crashes, detail)),) = dead(daemon).items()
        assert (id, why, crashes) == ("large", POISON, 3)
        assert "memory" in detail


def test_a_worker_whose_file_was_replaced_gets_the_settings_that_it_asks_for(tmp_path):
    """The table of the first worker is not the new one's: it would run without what it says that it needs."""
    shutil.copy(TEST_PLUGINS / "misbehave.so", tmp_path / "changing.so")
    with Daemon(tmp_path, config("changing", f"file: {tmp_path}/changing.so")) as daemon:
        daemon.sender().accepted(event("e1"))
        daemon.drained()
        shutil.copy(TEST_PLUGINS / "init_retry.so", tmp_path / "new.so")
        (tmp_path / "new.so").rename(tmp_path / "changing.so")
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: 'the setting "until" is missing' in daemon.log(), "the new table to be looked at")
        assert "init" not in (tmp_path / "record.txt").read_text()
        shutil.copy(TEST_PLUGINS / "null.so", tmp_path / "new.so")  # takes no settings: `record` is one too many
        (tmp_path / "new.so").rename(tmp_path / "changing.so")
        wait_for(lambda: "record" in daemon.log(), "the next table to be looked at")


def test_large_retries_after_a_restart_take_no_memory(tmp_path):
    if SANITIZED:
        pytest.skip("measures memory")
    retry = "retry: { first: 1ms, longest: 1ms, factor: 1, jitter: 0%, attempts: 2 }"
    daemon = Daemon(tmp_path, config(options=f"deadline: 10m\n    breaker: {{ failures: 1000 }}\n    {retry}"))
    with daemon:
        sender = daemon.sender()
        for n in range(200):
            sender.accepted(event(f"e{n}", do="retry", times=1, pad="x" * (MIB - 1000)))
        wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery WHERE attempts = 0") == [(0,)], "first attempts")
        daemon.drained()
    with sqlite3.connect(tmp_path / "state" / "grapnel.db") as database:  # all of them are due at once
        database.execute("INSERT INTO delivery SELECT 1, number, 1, 1, 0, 0, 0 FROM event")
    with daemon:
        daemon.drained()
        assert most_memory(daemon.process.pid) < 96 * MIB


def test_what_the_store_can_not_settle_takes_no_memory(tmp_path):
    if SANITIZED:
        pytest.skip("measures memory")
    with Daemon(tmp_path, config(options="deadline: 10m")) as daemon:
        (worker,) = daemon.workers()
        os.kill(worker, signal.SIGSTOP)
        sender = daemon.sender()
        for n in range(150):
            sender.accepted(event(f"e{n}", pad="x" * (MIB - 1000)))
        before = most_memory(daemon.process.pid)
        locked = sqlite3.connect(tmp_path / "state" / "grapnel.db", isolation_level=None)
        locked.execute("BEGIN IMMEDIATE")
        os.kill(worker, signal.SIGCONT)
        wait_for(lambda: "keeps the write lock" in daemon.log(), "the store to be stuck")
        assert len(attempts(tmp_path)) < 150, "all were given out"
        assert most_memory(daemon.process.pid) - before < 64 * MIB
        locked.execute("ROLLBACK")
        locked.close()
        daemon.drained()
        assert set(attempts(tmp_path)) == {f"e{n}" for n in range(150)}


def test_stop_timeout_is_for_all_that_stopping_takes(tmp_path):
    with Daemon(tmp_path, config() + "limits: { stop_timeout: 3s }\n") as daemon:
        daemon.sender().accepted(event("e1", do="hang"))
        wait_for(lambda: attempts(tmp_path), "the worker to hang")
        host, _, port = daemon.addresses[0].rpartition(":")
        with socket.create_connection((host, int(port))) as slow:  # a request that never becomes whole
            slow.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            assert daemon.stop() == 0
        began, ended = (
            datetime.fromisoformat(line.split()[0].rstrip("Z"))
            for line in daemon.log().splitlines()
            if "stopping: intake ends" in line or "workers are killed" in line
        )
        assert (ended - began).total_seconds() < 4.2 * SLOWNESS


def test_a_second_signal_kills_what_hangs(tmp_path):
    with Daemon(tmp_path, config()) as daemon:
        daemon.sender().accepted(event("e1", do="hang"))
        wait_for(lambda: attempts(tmp_path), "the worker to hang")
        daemon.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "stopping: " in daemon.log(), "the stop to begin")
        began = time.monotonic()
        assert daemon.stop() == 0
        assert time.monotonic() - began < 10 * SLOWNESS, "stop_timeout is 25 s"
        assert "workers are killed in the middle of their work; deliveries that come again after the next start: 1\n" in daemon.log()
        assert "deliveries that wait: 1; they go on with the next start\n" in daemon.log()
