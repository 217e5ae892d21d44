"""order_fulfilment.so while workers are killed and connections broken at random: each effect exactly once, no order backwards.

GRAPNEL_ORDERS=10000 makes it as many orders; GRAPNEL_SEED repeats a run.
"""

import contextlib
import os
import random
import signal
import threading
import time

from grapnel_test import Daemon, wait_for
from orders_test import COUNTING, config, database, dead, orders_make, payment, send_all, server  # noqa: F401: fixtures

ORDERS = int(os.environ.get("GRAPNEL_ORDERS", 300 if os.environ.get("GRAPNEL_SANITIZE") else 1500))
SEED = int(os.environ.get("GRAPNEL_SEED", time.time_ns() % 1_000_000))


@contextlib.contextmanager
def trouble(cause, chance):
    """Does `cause` at random moments, until what is inside is done; yields the list of what it returned."""
    done, caused, failed = threading.Event(), [], []

    def run():
        try:
            while not done.wait(chance.uniform(0.02, 0.1)):  # the random moments themselves, not a wait for anything
                caused.append(cause())
        except Exception as error:  # told by the test's own thread
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield caused
    finally:
        done.set()
        thread.join()
    assert not failed, failed


def worker_killer(daemon, chance):
    """Each worker dies with a chance of 20 %."""

    def kill():
        killed = 0
        for pid in daemon.workers():
            if chance.random() < 0.2:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        return killed

    return kill


def test_paid_once_though_workers_are_killed(tmp_path, database, capsys):
    chance = random.Random(SEED)
    amounts = {f"o{n}": chance.randrange(1, 100_000) for n in range(ORDERS)}
    orders_make(database, amounts)
    bodies = [payment(f"e-{id}", "payment.succeeded", id, amount) for id, amount in amounts.items()]
    bodies = [body for body in bodies for _ in range(chance.randint(1, 3))]
    chance.shuffle(bodies)
    with Daemon(tmp_path, config(database, COUNTING, workers=3), plugins_crash=True) as daemon:
        with trouble(worker_killer(daemon, chance), chance) as killed:
            send_all(daemon, bodies)
            wait_for(lambda: sum(killed) >= 5, "workers to be killed")
            daemon.drained(280)
        with capsys.disabled():
            print(f"\n{database.name}: seed {SEED}, {ORDERS} orders, {len(bodies)} events sent, {sum(killed)} workers killed")
        assert dead(daemon) == {}
    assert database.query("SELECT paid_times, count(*) FROM orders GROUP BY paid_times") == [(1, ORDERS)]
    assert database.query("SELECT sum(cents) FROM orders") == [(sum(amounts.values()),)]
    assert database.query("SELECT count(*) FROM orders WHERE cents <> amount") == [(0,)]
    assert database.query("SELECT count(*) FROM grapnel_ledger") == [(ORDERS,)]


RANK = {"pending": 0, "failed": 1, "cancelled": 2, "paid": 3, "fulfilled": 4, "refunded": 5}
TYPES = {"pay": "payment_intent.succeeded", "fail": "payment_intent.payment_failed", "refund": "charge.refunded", "cancel": "payment.canceled"}
END = {"refund": "refunded", "pay": "paid", "cancel": "cancelled", "fail": "failed"}  # the first that came decides


def test_shuffled_events_never_lead_backwards(tmp_path, database):
    """Few orders and several workers, so that they meet at the same rows, while some are killed."""
    chance = random.Random(SEED)
    amounts = {f"o{n}": chance.randrange(1, 100_000) for n in range(ORDERS // 4)}
    orders_make(database, amounts)
    actions = {id: [action for action in TYPES if chance.random() < 0.6] for id in amounts}
    bodies = [payment(f"{action}-{id}", TYPES[action], id, amounts[id]) for id in amounts for action in actions[id]]
    bodies = [body for body in bodies for _ in range(chance.randint(1, 3))]
    chance.shuffle(bodies)
    with Daemon(tmp_path, config(database, workers=3), plugins_crash=True) as daemon:
        with trouble(worker_killer(daemon, chance), chance):
            send_all(daemon, bodies)
            daemon.drained(280)
        assert dead(daemon) == {}
        assert "deadlock" not in daemon.log()
    moves = database.query("SELECT id, before, after FROM moves")
    assert [move for move in moves if RANK[move[2]] <= RANK[move[1]]] == []
    ended = dict(database.query("SELECT id, status FROM orders"))
    for id, done in actions.items():
        assert ended[id] == next((status for action, status in END.items() if action in done), "pending"), (id, done)
    paid = database.query("SELECT id FROM moves WHERE after = 'paid'")
    assert len(paid) == len(set(paid))


def test_connections_break(tmp_path, server):
    """In the middle of transactions, at any statement and at the commit."""
    server.fresh("broken_connections")
    chance = random.Random(SEED)
    amounts = {f"o{n}": chance.randrange(1, 100_000) for n in range(ORDERS)}
    orders_make(server, amounts)
    bodies = [payment(f"e-{id}", "payment.succeeded", id, amount) for id, amount in amounts.items()]
    end_one = (
        "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'grapnel' "
        "AND random() < 0.5) AS backend"
    )
    with Daemon(tmp_path, config(server, COUNTING, workers=2)) as daemon:
        with trouble(lambda: server.query(end_one)[0][0], chance) as ended:
            # In parts: a connection that broke is only made again for a further event.
            for part in range(5):
                send_all(daemon, bodies[part::5])
                wait_for(lambda: sum(ended) > part, "a connection to break")
            daemon.drained(280)
        assert dead(daemon) == {}
    assert server.query("SELECT paid_times, count(*) FROM orders GROUP BY paid_times") == [(1, ORDERS)]
    assert server.query("SELECT sum(cents) FROM orders") == [(sum(amounts.values()),)]


def test_connections_break_at_the_commit(tmp_path, server):
    """The server ends the connection while it commits, for a third of the transactions; a sequence is never rolled back."""
    server.fresh("broken_commits")
    amounts = {f"o{n}": 2490 for n in range(200)}
    orders_make(server, amounts)
    server.script(
        """
        CREATE SEQUENCE commits;
        CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF nextval('commits') % 3 = 0 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER break AFTER UPDATE ON orders DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NEW.id LIKE '%7') EXECUTE FUNCTION break();"""
    )
    with Daemon(tmp_path, config(server, COUNTING, workers=2)) as daemon:
        send_all(daemon, [payment(f"e-{id}", "payment.succeeded", id) for id in amounts])
        daemon.drained(280)
        assert dead(daemon) == {}
    ((commits,),) = server.query("SELECT last_value FROM commits")
    assert commits >= 20 + 6  # each of the 20 orders, and once more what broke
    assert server.query("SELECT paid_times, count(*) FROM orders GROUP BY paid_times") == [(1, 200)]


def test_refused_at_the_commit(tmp_path, server):
    """A constraint that is looked at only then: the event that broke it is refused, those that shared its transaction are done."""
    server.fresh("refused_at_the_commit")
    amounts = {f"o{n}": 2490 for n in range(100)}
    orders_make(server, amounts)
    server.script("CREATE TABLE paid (id VARCHAR(255) REFERENCES orders DEFERRABLE INITIALLY DEFERRED);")
    own = 'statements: { pay: { sql: "INSERT INTO paid (id) VALUES ($1)", values: [ order_id ] } }'
    with Daemon(tmp_path, config(server, own)) as daemon:
        bodies = [payment(f"e-{id}", "payment.succeeded", id) for id in amounts]
        bodies[50:50] = [payment("bad", "payment.succeeded", "no such order")]
        send_all(daemon, bodies)
        daemon.drained()
        assert "violates foreign key constraint" in dead(daemon)["bad"]
        assert len(dead(daemon)) == 1
    assert server.query("SELECT count(*), count(DISTINCT id) FROM paid") == [(100, 100)]
