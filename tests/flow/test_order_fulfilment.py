"""order_fulfilment.so against SQLite and a real PostgreSQL: what becomes of orders, and what is refused."""

import re

import pytest

from grapnel_test import GRAPNEL, PLUGINS, SOURCE, Daemon, event, run, wait_for
from orders_test import config, database, dead, payment, send_all, server  # noqa: F401: fixtures

COLUMNS = "status, payment_id, amount, currency"


@pytest.fixture
def orders(database):
    """The database with the table `orders`, as a shop would make it, and the orders pending."""
    database.script(
        "CREATE TABLE orders (id VARCHAR(255) PRIMARY KEY, status VARCHAR(20) NOT NULL DEFAULT 'pending', payment_id VARCHAR(255), "
        "amount BIGINT, currency CHAR(3), updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);"
        "INSERT INTO orders (id, amount, currency) VALUES ('1001', 2490, 'EUR'), ('1002', 750, 'EUR');"
    )
    return database


def send(daemon, *bodies):
    """One after the other: each is done before the next one is sent."""
    for body in bodies:
        daemon.sender().accepted(body)
        daemon.drained()


def order(database, id="1001"):
    (row,) = database.query(f"SELECT {COLUMNS} FROM orders WHERE id = '{id}'")
    return row


def test_the_days_of_two_orders(tmp_path, orders):
    with Daemon(tmp_path, config(orders)) as daemon:
        send(daemon, payment("e1", "payment_intent.payment_failed", "1001", amount_received=0))
        assert order(orders)[:2] == ("failed", "pi_1")
        # As Stripe writes it.
        send(daemon, payment("e2", "payment_intent.succeeded", "1001", currency="eur", payment="pi_2", amount_received=2490))
        assert order(orders) == ("paid", "pi_2", 2490, "EUR")
        send(daemon, payment("e3", "charge.refunded", "1001", payment="ch_2", payment_intent="pi_2", amount_refunded=1000))
        assert order(orders) == ("paid", "pi_2", 2490, "EUR")
        orders.query("UPDATE orders SET status = 'fulfilled' WHERE id = '1001' RETURNING id")
        send(daemon, payment("e4", "payment.failed", "1001"), payment("e5", "payment.succeeded", "1001"))
        assert order(orders)[0] == "fulfilled"
        send(daemon, payment("e6", "charge.refunded", "1001", payment="ch_2", payment_intent="pi_2", amount_refunded=2490))
        assert order(orders)[:2] == ("refunded", "pi_2")
        send(daemon, payment("e7", "payment.succeeded", "1001"), payment("e8", "customer.created", "1001"))
        assert order(orders)[0] == "refunded"
        # The id as a number, and an order that was cancelled and then paid all the same.
        send(daemon, payment("e9", "payment_intent.canceled", 1002, 750), payment("e10", "payment.succeeded", 1002, 750))
        assert order(orders, "1002")[0] == "paid"
        assert dead(daemon) == {}
        assert "nothing is to be done about customer.created" in daemon.log()
        assert "was cancelled and is paid now" in daemon.log()
        assert 'was paid once more by "pi_1"' in daemon.log()
    results = orders.query("SELECT event_id, event_type, order_id, action, result FROM grapnel_ledger ORDER BY done_at")
    assert [row[0] for row in results] == ["e1", "e2", "e3", "e4", "e5", "e6", "e7", "e9", "e10"]
    assert [row[4] for row in results] == ["done"] * 2 + ["part refunded"] + ["no change"] * 2 + ["done", "no change", "done", "done"]
    (newest,) = orders.query("SELECT count(*) FROM orders WHERE updated_at IS NOT NULL AND id IN ('1001', '1002')")
    assert newest == (2,)


def test_tables_are_made(tmp_path, database):
    with Daemon(tmp_path, config(database, "create_missing: true", workers=2)) as daemon:
        send(daemon, payment("e1", "payment.succeeded", "7", currency="eur"), payment("e2", "payment.failed", "8"))
        assert order(database, "7") == ("paid", "pi_1", 2490, "EUR")
        assert order(database, "8")[0] == "failed"
        # What was created by a payment is over what it paid.
        send(daemon, payment("e3", "charge.refunded", "7", amount=2491))
        assert set(dead(daemon)) == {"e3"}


MISMATCHES = {
    "amount": (dict(amount=1990), "2490 EUR, but the event says 1990 EUR"),
    "currency": (dict(currency="USD"), "2490 EUR, but the event says 2490 USD"),
    "both": (dict(amount=1, currency="usd"), "2490 EUR, but the event says 1 USD"),
    "no amount": (dict(amount=None), "no amount: nothing at /data/object/amount_received, /data/object/amount"),
    "no currency": (dict(currency=None), "no currency: nothing at /data/object/currency"),
    "decimals": (dict(amount="24.90"), 'amount "24.90" is no whole number of minor units'),
    "float": (dict(amount=2490.0), 'amount "2490.0" is no whole number'),
    "negative": (dict(amount=-2490), 'amount "-2490" is no whole number'),
    "exponent": (dict(amount="249e1"), 'amount "249e1" is no whole number'),
    "blank": (dict(amount=" 2490"), 'amount " 2490" is no whole number'),
    "huge": (dict(amount=10**30), "is too large"),
    "list": (dict(amount=[2490]), "amount at /data/object/amount is neither a number nor a text"),
    "empty currency": (dict(currency="E"), 'currency "E" is no currency'),
    "no order": (dict(order=None), "no order id: nothing at /data/object/metadata/order_id"),
    "nul": (dict(order="a\0b"), "has a NUL inside"),
    "long": (dict(order="x" * 256), "is longer than 255 bytes"),
}


def test_what_does_not_fit_is_refused(tmp_path, orders):
    with Daemon(tmp_path, config(orders)) as daemon:
        sender = daemon.sender()
        for name, (change, _) in MISMATCHES.items():
            sender.accepted(payment(name, "payment.succeeded", **{"order": "1001", **change}))
        sender.accepted(payment("refund", "charge.refunded", "1001", amount_refunded=2491))
        daemon.drained()
        details = dead(daemon)
        assert set(details) == {*MISMATCHES, "refund"}
        for name, (_, words) in MISMATCHES.items():
            assert words in details[name], (name, details[name])
        assert "2490 EUR, but the event says that 2491 were refunded" in details["refund"]
        assert order(orders) == ("pending", None, 2490, "EUR")
        assert orders.query("SELECT count(*) FROM grapnel_ledger") == [(0,)]
        # And those beside them in the same transaction were not.
        send_all(daemon, [payment(f"{n}", "payment.succeeded", "1001", 2490 if n % 2 else 1) for n in range(200)])
        daemon.drained()
        assert order(orders)[0] == "paid"
        assert len(dead(daemon)) == len(details) + 100
        assert orders.query("SELECT count(*) FROM grapnel_ledger") == [(100,)]


def test_decimals(tmp_path, orders):
    with Daemon(tmp_path, config(orders, "amount_unit: major", "decimals: { EUR: 2, XYZ: 0 }")) as daemon:
        send(
            daemon,
            payment("e1", "payment.succeeded", "1001", "24.900"),
            payment("e2", "payment.succeeded", "1002", 7.5),
            payment("e3", "payment.succeeded", "1002", "7.505"),
        )
        assert (order(orders)[0], order(orders, "1002")[0]) == ("paid", "paid")
        assert list(dead(daemon)) == ["e3"]


def test_an_order_that_comes_late(tmp_path, orders):
    with Daemon(tmp_path, config(orders)) as daemon:
        daemon.sender().accepted(payment("e1", "payment.succeeded", "2001"))
        wait_for(lambda: 'order "2001" is not in the table' in daemon.log(), "the retry")
        orders.query("INSERT INTO orders (id, amount, currency) VALUES ('2001', 2490, 'EUR') RETURNING id")
        daemon.drained()
        assert order(orders, "2001")[0] == "paid"


def test_an_order_that_never_comes(tmp_path, orders):
    with Daemon(tmp_path, config(orders, "wait_for_order: 1s")) as daemon:
        daemon.sender().accepted(payment("e1", "payment.succeeded", "2001"))
        daemon.drained()
        assert "the time to wait for the order is over" in dead(daemon)["e1"]
        ((attempts,),) = daemon.rows("SELECT attempts FROM dead")
        assert 2 <= attempts <= 11


def test_a_state_of_somebody_elses(tmp_path, orders):
    orders.query("UPDATE orders SET status = 'on hold' WHERE id = '1001' RETURNING id")
    with Daemon(tmp_path, config(orders)) as daemon:
        send(daemon, payment("e1", "payment.succeeded", "1001"))
        assert 'has status "on hold"' in dead(daemon)["e1"]
        assert order(orders)[0] == "on hold"


def test_own_actions_and_places(tmp_path, orders):
    settings = (
        "actions: { invoice.paid: pay, payment.succeeded: ignore, a/b: cancel }",
        'order_id: "/nothing /data/object/The Order/no~1 /data/object/other"',
        "payment_id: ''",
        "amount: /data/object/total",
    )
    with Daemon(tmp_path, config(orders, *settings)) as daemon:
        send(
            daemon,
            event("e1", "payment.succeeded", other="1002", total=750, currency="EUR"),
            event("e2", "invoice.paid", **{"The Order": {"no/": "1001"}, "other": "9", "total": 2490, "currency": "EUR"}),
            event("e3", "a/b", other="1002"),
        )
        assert order(orders) == ("paid", None, 2490, "EUR")
        assert order(orders, "1002")[0] == "cancelled"
        assert dead(daemon) == {}


OWN_SCHEMA = """
CREATE TABLE sale (number BIGINT PRIMARY KEY, paid_times INTEGER NOT NULL DEFAULT 0, cents BIGINT NOT NULL DEFAULT 0, who TEXT,
                   gift BOOLEAN, weight NUMERIC, extra TEXT, CHECK (cents <= 10000));
CREATE TABLE mail (sale BIGINT, said TEXT);
INSERT INTO sale (number) VALUES (1), (2);
"""
OWN_SETTINGS = (
    "statements:",
    "  pay:",
    "    must_change: true",
    "    sql:",
    "      - UPDATE sale SET paid_times = paid_times + 1, cents = cents + $2, who = $3, gift = $5, weight = $6, extra = $7 WHERE number = $1",
    "      - INSERT INTO mail (sale, said) VALUES ($1, $4)",
    "    values: [ order_id, amount, /data/object/customer/name, event_id, /data/object/gift, /data/object/weight, /data/object/tags ]",
)


def test_own_statements(tmp_path, database):
    database.script(OWN_SCHEMA)
    with Daemon(tmp_path, config(database, "wait_for_order: 1s", *OWN_SETTINGS)) as daemon:
        send(
            daemon,
            payment("e1", "payment.succeeded", "1", customer={"name": "Zoë"}, gift=True, weight=1.25, tags=["a"]),
            payment("e2", "payment.succeeded", "1"),
            payment("e3", "payment.failed", "1"),
            payment("e4", "payment.succeeded", "3"),
            payment("e5", "payment.succeeded", "2", amount=10001),
        )
        sale = "SELECT number, paid_times, cents, who, gift, weight, extra FROM sale ORDER BY number"
        assert database.query(sale) == [(1, 2, 4980, None, None, None, None), (2, 0, 0, None, None, None, None)]
        assert database.query("SELECT sale, said FROM mail ORDER BY said") == [(1, "e1"), (1, "e2")]
        details = dead(daemon)
        assert set(details) == {"e4", "e5"}
        assert 'the SQL of `pay` changed nothing for "3"' in details["e4"]
        assert "the database refused it" in details["e5"]
        assert "`statements` has none for fail" in daemon.log()
        send(daemon, payment("e6", "payment.succeeded", "2", customer={"name": "Zoë"}, gift=True, weight=1.25, tags=["a"]))
        ((number, times, cents, who, gift, weight, extra),) = database.query(sale)[1:]
        assert (number, times, cents, who, extra, float(weight)) == (2, 1, 2490, "Zoë", '["a"]', 1.25)
        assert gift in (1, "t")


def test_a_done_event_is_done(tmp_path, orders):
    """Its ledger row counts, whatever has become of the order."""
    with Daemon(tmp_path, config(orders)) as daemon:
        send(daemon, payment("e1", "payment.succeeded", "1001"))
        assert daemon.stop() == 0
    ((key,),) = orders.query("SELECT key FROM grapnel_ledger")
    orders.script(
        "UPDATE orders SET status = 'pending'; DELETE FROM grapnel_ledger;"
        f"INSERT INTO grapnel_ledger (key, event_id, event_type, action, done_at) VALUES ('{key}', '', '', '', '2026-01-01T00:00:00Z')"
    )
    second = tmp_path / "second"
    second.mkdir()
    if orders.name == "sqlite":
        orders.path.rename(second / "orders.db")
        orders.path = second / "orders.db"
    with Daemon(second, config(orders)) as daemon:
        send(daemon, payment("e1", "payment.succeeded", "1001"))
        assert dead(daemon) == {}
        assert order(orders)[0] == "pending"


def test_the_ledger_is_pruned(tmp_path, orders):
    with Daemon(tmp_path, config(orders, "keep_ledger: 1d")) as daemon:
        send(daemon, payment("e1", "payment.succeeded", "1001"))
        orders.query("UPDATE grapnel_ledger SET done_at = '2026-01-01T00:00:00.000Z' RETURNING key")
        sender = daemon.sender()
        for n in range(520):
            sender.accepted(payment(f"f{n}", "payment.failed", "1001"))
        daemon.drained()
        assert orders.query("SELECT count(*) FROM grapnel_ledger WHERE event_id = 'e1'") == [(0,)]
        assert orders.query("SELECT count(*) FROM grapnel_ledger") == [(520,)]


MISTAKES = [
    ("database: mysql://x", "`database` must begin with sqlite: or postgresql://"),
    ("database: 'sqlite:'", "`sqlite:` must be followed by the path of a file"),
    ("database: 'sqlite:no/where.db'", "no/where.db: its folder: No such file or directory"),
    ("database: 'sqlite:.'", ".: Is a directory"),
    ("database: 'postgresql://me:pass/secretword@host/x'", "no connection URL"),
    ("database: 'postgresql://me:secretword@[::1/x'", "no connection URL"),
    ("order_id: data/object", '`order_id`: "data/object" is no JSON Pointer'),
    ("order_id: /data/~2", '`order_id`: "/data/~2" is no JSON Pointer'),
    ("order_id: '" + "/x " * 17 + "'", "`order_id` has more than 16 pointers"),
    ("amount_unit: cents", '`amount_unit`: "cents" is neither minor nor major'),
    ("decimals: { EUR: 19 }", "`decimals/EUR` must be between 0 and 18"),
    ("timeout: 1ms", "`timeout` must be between 100ms and 10m"),
    ("actions: { a.b: paid }", '`actions/a.b`: "paid" is no action'),
    ("statements: { paid: { sql: SELECT 1 } }", '"paid" is no action'),
    ("statements: { pay: { values: [ order_id ] } }", "`statements/pay/sql` is empty"),
    ("statements: { pay: { sql: 'UPDATE t SET a = $2', values: [ order_id ] } }", "has a parameter $2, but there are 1 values"),
    ("statements: { pay: { sql: 'UPDATE t SET a = $2', values: [ order_id, key ] } }", "$1 stands nowhere"),
    ("statements: { pay: { sql: 'UPDATE t SET a = $1', values: [ orderid ] } }", '"orderid" is neither a JSON Pointer'),
    ("statements: { pay: { sql: 'UPDATE t SET a = 1; DROP TABLE t' } }", "is more than one statement"),
    ("statements: { pay: { sql: COMMIT } }", "begins with a word that can't be used here"),
    ("statements: { pay: { sql: \"UPDATE t SET a = 'x\" } }", "has a quote that is not closed"),
]


@pytest.mark.parametrize("setting, words", MISTAKES, ids=[words for _, words in MISTAKES])
def test_check_says_what_can_not_work(tmp_path, setting, words):
    (tmp_path / "grapnel.yaml").write_text(
        f"plugin_path: [ {PLUGINS} ]\nplugins: {{ order_fulfilment: {{ settings: {{ {setting} }} }} }}\nroutes: {{}}\n"
    )
    done = run(GRAPNEL, "check", "-c", tmp_path / "grapnel.yaml")
    assert done.returncode == 1
    assert words in done.stderr + done.stdout
    assert "secretword" not in done.stderr + done.stdout
    assert not (tmp_path / "orders.db").exists()


@pytest.mark.parametrize(
    "made, settings, words",
    [
        ("CREATE TABLE orders (id TEXT PRIMARY KEY)", [], "the table orders can't be used"),
        ("CREATE TABLE grapnel_ledger (id TEXT)", [], "the table grapnel_ledger can't be used"),
        ("SELECT 1", ["statements: { pay: { sql: UPDATE nowhere SET a = 1 } }"], "`statements`: the database would refuse one: "),
        ("SELECT 1", ["statements: { pay: { sql: UPDAET x } }"], "syntax error"),
    ],
)
def test_the_start_says_what_can_not_work(tmp_path, database, made, settings, words):
    database.script(made)
    daemon = Daemon(tmp_path, config(database, *settings)).launch()
    assert daemon.process.wait(60) == 1
    assert words in daemon.log()


def test_each_example_of_the_readme_is_good(tmp_path):
    text = (SOURCE / "plugins" / "order_fulfilment" / "README.md").read_text()
    examples = re.findall(r"^```yaml\n(.*?)^```$", text, re.S | re.M)
    assert len(examples) >= 3
    (tmp_path / "database.url").write_text("postgresql://shop:secret@db.example/shop\n")
    source = "sources: { shop: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] } }"
    for example in examples:
        (tmp_path / "grapnel.yaml").write_text(f"plugin_path: [ {PLUGINS} ]\n{source}\n{example}")
        done = run(GRAPNEL, "check", "-c", tmp_path / "grapnel.yaml")
        assert done.returncode == 0, done.stdout + done.stderr
