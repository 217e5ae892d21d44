"""order_fulfilment.so while the database is down, frozen or locked: events wait, and take effect once it is back."""

import contextlib
import os
import signal
import sqlite3
import subprocess

from grapnel_test import Daemon, wait_for
from orders_test import COUNTING, Sqlite, config, database, dead, orders_make, payment, send_all, server  # noqa: F401: fixtures


def test_database_down_and_back(tmp_path, database):
    orders_make(database, {"o1": 2490, "o2": 2490})
    with Daemon(tmp_path, config(database, COUNTING)) as daemon:
        daemon.sender().accepted(payment("e1", "payment.succeeded", "o1"))
        daemon.drained()
        database.stop()
        try:
            daemon.sender().accepted(payment("e2", "payment.succeeded", "o2"))
            wait_for(lambda: "the database is down" in daemon.log(), "the log to tell it")
            assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]
        finally:
            database.start()
        daemon.drained()
        assert dead(daemon) == {}
    assert database.query("SELECT id, paid_times FROM orders ORDER BY id") == [("o1", 1), ("o2", 1)]
    assert not (tmp_path / "orders.away").exists()


def test_database_down_at_the_start(tmp_path, server):
    server.fresh("down_at_the_start")
    orders_make(server, {"o1": 2490})
    server.stop()
    try:
        daemon = Daemon(tmp_path, config(server, COUNTING))
        daemon.start()
        daemon.sender().accepted(payment("e1", "payment.succeeded", "o1"))
        wait_for(lambda: "the database is down" in daemon.log(), "the log to tell it")
    finally:
        server.start()
    daemon.drained()
    assert daemon.stop() == 0
    assert server.query("SELECT paid_times FROM orders") == [(1,)]


def test_a_frozen_server_is_down(tmp_path, server):
    server.fresh("frozen")
    orders_make(server, {"o1": 2490})
    with Daemon(tmp_path, config(server, COUNTING, "timeout: 200ms")) as daemon:
        frozen = server.processes()
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        try:
            daemon.sender().accepted(payment("e1", "payment.succeeded", "o1"))
            wait_for(lambda: "the server did not answer in time" in daemon.log(), "the log to tell it")
            assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)
        daemon.drained()
    assert server.query("SELECT paid_times FROM orders") == [(1,)]


def test_a_locked_file_is_waited_for(tmp_path):
    database = Sqlite(tmp_path)
    orders_make(database, {"o1": 2490})
    with Daemon(tmp_path, config(database, COUNTING, "timeout: 100ms")) as daemon:
        with contextlib.closing(sqlite3.connect(database.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            daemon.sender().accepted(payment("e1", "payment.succeeded", "o1"))
            wait_for(lambda: "database is locked" in daemon.log(), "the log to tell it")
            assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]
        daemon.drained()
    assert database.query("SELECT paid_times FROM orders") == [(1,)]


def test_a_locked_row_holds_up_only_its_own_events(tmp_path, server):
    server.fresh("locked_row")
    amounts = {f"o{n}": 2490 for n in range(100)}
    orders_make(server, amounts)
    command = server.command("psql", "-X", "-q", "-h", server.folder, "-U", "grapnel", "-d", server.database)
    with Daemon(tmp_path, config(server, COUNTING, "timeout: 200ms", workers=2)) as daemon:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as other:
            other.stdin.write("BEGIN; SELECT 'locked' FROM orders WHERE id = 'o50' FOR UPDATE;\n")
            other.stdin.flush()
            while "locked" not in other.stdout.readline():
                pass
            send_all(daemon, [payment(f"e-{id}", "payment.succeeded", id) for id in amounts])
            wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery") == [(1,)], "all but one")
            wait_for(lambda: "somebody else holds what it needs" in daemon.log(), "the log to tell it")
            other.stdin.close()
        daemon.drained()
        assert dead(daemon) == {}
    assert server.query("SELECT paid_times, count(*) FROM orders GROUP BY paid_times") == [(1, 100)]
