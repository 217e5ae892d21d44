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
            assert "no attempt is counted" in daemon.log()
            assert daemon.rows("SELECT attempts FROM delivery") == [(0,)]
        finally:
            database.start()
        daemon.drained()
        assert dead(daemon) == {}
    assert database.query("SELECT id, paid_times FROM orders ORDER BY id") == [("o1", 1), ("o2", 1)]
    assert not (tmp_path / "orders.away").exists()


def test_a_file_in_wal_mode_is_taken_away(tmp_path):
    """In this mode SQLite itself does not mind, and would write into a file that nobody finds."""
    database = Sqlite(tmp_path)
    orders_make(database, {"o1": 2490, "o2": 2490})
    assert database.query("PRAGMA journal_mode = WAL") == [("wal",)]
    with Daemon(tmp_path, config(database, COUNTING)) as daemon:
        daemon.sender().accepted(payment("e1", "payment.succeeded", "o1"))
        daemon.drained()
        database.stop()
        try:
            daemon.sender().accepted(payment("e2", "payment.succeeded", "o2"))
            wait_for(lambda: "the database is down" in daemon.log(), "the log to tell it")
        finally:
            database.start()
        daemon.drained()
    assert database.query("SELECT id, paid_times FROM orders ORDER BY id") == [("o1", 1), ("o2", 1)]


def test_a_table_is_renamed_meanwhile(tmp_path, database):
    """Somebody changes the schema under a running shop: events wait, none is dead."""
    orders_make(database, {"o1": 2490, "o2": 2490})
    daemon = Daemon(tmp_path, config(database))
    with daemon:
        daemon.sender().accepted(payment("e1", "payment.succeeded", "o1"))
        daemon.drained()
        database.script("ALTER TABLE orders RENAME TO orders_old;")
        daemon.sender().accepted(payment("e2", "payment.succeeded", "o2"))
        wait_for(lambda: "busy: " in daemon.log(), "the log to tell it")
        assert dead(daemon) == {} and daemon.rows("SELECT attempts FROM delivery") == [(0,)]
    database.script("ALTER TABLE orders_old RENAME TO orders;")
    with daemon:  # a start waits for nothing
        daemon.drained()
        assert dead(daemon) == {}
    assert database.query("SELECT id, status FROM orders ORDER BY id") == [("o1", "paid"), ("o2", "paid")]


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


@contextlib.contextmanager
def locked(server, id, change="paid_times = paid_times"):
    """Somebody changes the order in a transaction; yields what commits it."""
    command = server.command("psql", "-X", "-q", "-h", server.folder, "-U", "grapnel", "-d", server.database)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/") as other:

        def commit():
            other.stdin.write("COMMIT;\n")
            other.stdin.close()

        other.stdin.write(f"BEGIN; UPDATE orders SET {change} WHERE id = '{id}' RETURNING 'locked';\n")
        other.stdin.flush()
        while "locked" not in other.stdout.readline():
            pass
        yield commit
        # Rolled back, unless it was committed.


def waits(server):
    """Does a worker wait for a lock, longer than the 50 ms of a transaction that is not patient?"""
    return server.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'grapnel' AND wait_event_type = 'Lock' "
        "AND clock_timestamp() - query_start > '100 ms'"
    )


def test_a_locked_row_holds_up_only_its_own_events(tmp_path, server):
    server.fresh("locked_row")
    amounts = {f"o{n}": 2490 for n in range(100)}
    orders_make(server, amounts)
    with Daemon(tmp_path, config(server, COUNTING, "timeout: 200ms", workers=2)) as daemon:
        with locked(server, "o50"):
            send_all(daemon, [payment(f"e-{id}", "payment.succeeded", id) for id in amounts])
            wait_for(lambda: daemon.rows("SELECT count(*) FROM delivery") == [(1,)], "all but one")
            wait_for(lambda: "somebody else holds what it needs" in daemon.log(), "the log to tell it")
        daemon.drained()
        assert dead(daemon) == {}
    assert server.query("SELECT paid_times, count(*) FROM orders GROUP BY paid_times") == [(1, 100)]


def test_an_order_that_somebody_changes_is_waited_for(tmp_path, server):
    """What counts is what it is afterwards; and waiting for a while is no failed attempt."""
    server.fresh("changing_order")
    orders_make(server, {"o1": 2490})
    with Daemon(tmp_path, config(server)) as daemon:
        with locked(server, "o1", "status = 'refunded'") as commit:
            daemon.sender().accepted(payment("e1", "payment.succeeded", "o1"))
            wait_for(lambda: waits(server), "the worker to wait")
            commit()
        daemon.drained()
        assert "somebody else holds" not in daemon.log()
    assert server.query("SELECT status FROM orders") == [("refunded",)]
    assert server.query("SELECT result FROM grapnel_ledger") == [("no change",)]


def test_who_waits_holds_nothing(tmp_path, server):
    """Two workers that wait for each other's orders would wait for long: what is done is committed before."""
    server.fresh("waiting")
    amounts = {f"o{n}": 2490 for n in range(40)}
    orders_make(server, amounts)
    with Daemon(tmp_path, config(server, COUNTING, "timeout: 7s")) as daemon:
        with locked(server, "o0") as first, locked(server, "o39"):
            # While the worker waits for the first, all others gather, so that they share a transaction.
            daemon.sender().accepted(payment("e0", "payment.succeeded", "o0"))
            wait_for(lambda: waits(server), "the worker to wait")
            sender = daemon.sender()
            for n in range(1, 40):
                sender.accepted(payment(f"e{n}", "payment.succeeded", f"o{n}"))
            first()
            wait_for(lambda: server.query("SELECT count(*) FROM orders WHERE paid_times = 1") == [(39,)], "all but the last")
            wait_for(lambda: waits(server), "the worker to wait once more")
        daemon.drained()
        assert "somebody else holds" not in daemon.log()
    assert server.query("SELECT paid_times, count(*) FROM orders GROUP BY paid_times") == [(1, 40)]
