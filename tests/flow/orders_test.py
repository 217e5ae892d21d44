"""Databases for the tests of order_fulfilment: a SQLite file, and a real PostgreSQL of the test's own behind a unix socket."""

import contextlib
import itertools
import json
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from grapnel_test import SLOWNESS, wait_for

DATABASES = itertools.count(1)


def postgresql_folder():
    """Where this machine's newest PostgreSQL has its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "PostgreSQL is not installed: cmake/packages.sh test"
    return found[-1]


class Sqlite:
    name = "sqlite"

    def __init__(self, folder):
        self.path = Path(folder) / "orders.db"
        self.url = "sqlite:orders.db"

    def query(self, sql):
        with contextlib.closing(sqlite3.connect(self.path, timeout=60 * SLOWNESS)) as database, database:
            return [tuple(row) for row in database.execute(sql).fetchall()]

    def script(self, sql):
        with contextlib.closing(sqlite3.connect(self.path, timeout=60 * SLOWNESS)) as database:
            database.executescript(sql)

    def texts(self, columns, table):
        """Rows of texts that may hold anything."""
        return self.query(f"SELECT {columns} FROM {table}")

    def stop(self):
        """Taken away, as by somebody who moves it to another disk; it is opened anew for each transaction if it moved."""
        self.path.rename(self.path.with_suffix(".away"))

    def start(self):
        self.path.with_suffix(".away").rename(self.path)

    def close(self):
        pass


class Postgresql:
    """Made by initdb, owned by somebody who is not root, listening on a socket only."""

    name = "postgresql"

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="grapnel-pg-", dir="/tmp"))
        self.programs = postgresql_folder()
        self.demote = ["setpriv", "--pdeathsig=QUIT"]  # so that a test that is killed leaves no server behind
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.demote += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.process = None
        self.database = "postgres"
        self.run("initdb", "-D", self.folder / "data", "-A", "trust", "-U", "grapnel", "-E", "UTF8", "--no-sync")
        self.start()

    @property
    def url(self):
        return f"postgresql://grapnel@/{self.database}?host={self.folder}"

    def command(self, program, *arguments):
        return [*self.demote, str(self.programs / program), *map(str, arguments)]

    def run(self, program, *arguments, **options):
        done = subprocess.run(
            self.command(program, *arguments), capture_output=True, text=True, cwd="/", timeout=120 * SLOWNESS, **options
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self):
        # Without fsync: it is not PostgreSQL's promises that are tested, and no machine fails here.
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "log_min_messages=fatal"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("postgres", "-D", self.folder / "data", "-k", self.folder, *options), stdout=log, stderr=log, cwd="/"
            )
        ready = self.command("pg_isready", "-q", "-h", self.folder, "-d", "postgres")
        wait_for(lambda: subprocess.run(ready, cwd="/", check=False).returncode == 0, "PostgreSQL to start")

    def stop(self):
        """As in a crash: connections break at once."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def fresh(self, name):
        """An empty database, which is used from now on."""
        self.database = "postgres"
        self.query(f"CREATE DATABASE {name}")
        self.database = name

    def psql(self, sql, *options):
        return self.run("psql", "-X", "-q", "-h", self.folder, "-U", "grapnel", "-d", self.database, "-v", "ON_ERROR_STOP=1",
                        *options, input=sql)

    def query(self, sql):
        """As SQLite would answer: numbers as int."""
        rows = self.psql(sql, "-A", "-t", "-F", "\x1f", "-P", "null=\\N").split("\n")
        return [tuple(self.value(text) for text in row.split("\x1f")) for row in rows if row]

    @staticmethod
    def value(text):
        return None if text == "\\N" else int(text) if text.lstrip("-").isdigit() else text

    def script(self, sql):
        self.psql(sql)

    def texts(self, columns, table):
        # As hex digits: psql leaves out what it takes to be no character.
        rows = f"SELECT coalesce(json_agg(json_build_array({columns})), '[]')::text FROM {table}"
        return json.loads(bytes.fromhex("".join(self.psql(f"SELECT encode(convert_to(({rows}), 'UTF8'), 'hex')", "-A", "-t").split())))

    def processes(self):
        """The pids of the server and of all that it started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [self.process.pid, *map(int, children.read_text().split())]

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="session")
def server():
    server = Postgresql()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """Either of them, empty."""
    if request.param == "sqlite":
        yield Sqlite(tmp_path)
        return
    server = request.getfixturevalue("server")
    server.fresh(f"shop_{next(DATABASES)}")
    yield server


CONFIG = """
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }}
plugins:
  order_fulfilment:
    workers: {workers}
    retry: {{ first: 100ms, factor: 1, jitter: 0%, attempts: 1000 }}
    breaker: {{ first: 1s, longest: 1s, failures: 1000 }}
    settings:
      database: {url}
      {settings}
routes:
  "*": [ order_fulfilment ]
"""


def config(database, *settings, workers=1):
    return CONFIG.format(url=json.dumps(database.url), settings="\n      ".join(settings), workers=workers)


def payment(id, type, order, amount=2490, currency="EUR", payment="pi_1", **more):
    object = {"id": payment, "amount": amount, "currency": currency, "metadata": {"order_id": order}, **more}
    return json.dumps({"id": id, "type": type, "data": {"object": object}}).encode()


def dead(daemon):
    """{event id: detail} of the dead letters."""
    return dict(
        daemon.rows(
            "SELECT e.external_id, a.detail FROM dead d JOIN event e ON e.number = d.event "
            "JOIN attempt a ON a.event = d.event AND a.plugin = d.plugin AND a.sequence = "
            "(SELECT max(sequence) FROM attempt WHERE event = d.event AND plugin = d.plugin)"
        )
    )


# Each change of an order's status leaves a row, whoever makes it.
MOVES = {
    "sqlite": """
        CREATE TABLE moves (id TEXT, before TEXT, after TEXT);
        CREATE TRIGGER move AFTER UPDATE OF status ON orders
            BEGIN INSERT INTO moves VALUES (NEW.id, OLD.status, NEW.status); END;""",
    "postgresql": """
        CREATE TABLE moves (id TEXT, before TEXT, after TEXT);
        CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO moves VALUES (NEW.id, OLD.status, NEW.status); RETURN NEW; END $$;
        CREATE TRIGGER move AFTER UPDATE OF status ON orders FOR EACH ROW EXECUTE FUNCTION move();""",
}
ORDERS_TABLE = """
CREATE TABLE orders (id VARCHAR(255) PRIMARY KEY, status VARCHAR(20) NOT NULL DEFAULT 'pending', payment_id VARCHAR(255),
                     amount BIGINT, currency CHAR(3), updated_at TIMESTAMP, paid_times INTEGER NOT NULL DEFAULT 0,
                     cents BIGINT NOT NULL DEFAULT 0);
"""
# Nothing but the ledger keeps this one from counting twice.
COUNTING = (
    'statements: { pay: { sql: "UPDATE orders SET paid_times = paid_times + 1, cents = cents + $2 WHERE id = $1", '
    "values: [ order_id, amount ] } }"
)


def orders_make(database, amounts):
    rows = ",".join(f"('{id}', {amount}, 'EUR')" for id, amount in amounts.items())
    database.script(f"{ORDERS_TABLE}{MOVES[database.name]} INSERT INTO orders (id, amount, currency) VALUES {rows};")


def send_all(daemon, bodies, senders=4):
    """Over several connections at once; every answer is 200."""
    errors = []

    def send(part):
        sender = daemon.sender()
        errors.extend(answer for answer in map(sender.post, part) if answer[0] != 200)
        sender.close()

    threads = [threading.Thread(target=send, args=(bodies[n::senders],)) for n in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[:3]
