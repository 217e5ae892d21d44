"""What the flow tests share: the real daemon in a folder of its own, a sender's signatures, and waiting for conditions.

Everything listens on loopback, on ports that the kernel chose, and every process is ended by its pid.
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

BUILD = Path(os.environ["GRAPNEL_BUILD"])
SOURCE = Path(os.environ["GRAPNEL_SOURCE"])
GRAPNEL = BUILD / "bin" / "grapnel"
PLUGINS = BUILD / "plugins"
TEST_PLUGINS = BUILD / "tests" / "plugins"

# Sanitizers make everything slower; what waits for a condition waits longer then, what measures is more generous.
SLOWNESS = 5 if os.environ.get("GRAPNEL_SANITIZE") else 1

SECRET = "whsec_test_secret"


def wait_for(condition, what, timeout=30):
    """The first true value of condition(); fails with `what` after the timeout."""
    end = time.monotonic() + timeout * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout * SLOWNESS} s in vain for {what}"
        time.sleep(0.01)


def signature(body, secret=SECRET, at=None):
    """The value of X-CryptoPay-Signature or Stripe-Signature."""
    at = int(time.time()) if at is None else at
    digest = hmac.new(secret.encode(), str(at).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def event(id, type="payment.succeeded", **object):
    return json.dumps({"id": id, "type": type, "data": {"object": object}}).encode()


class Sender:
    """One keep-alive connection that signs as CryptoPay does."""

    def __init__(self, address, path="/webhook", header="X-CryptoPay-Signature", secret=SECRET):
        host, _, port = address.rpartition(":")
        self.connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=60)
        self.path, self.header, self.secret = path, header, secret

    def post(self, body, headers=None, **signing):
        """Status and text of the answer. A header given as None is left out."""
        sent = {"Content-Type": "application/json", self.header: signature(body, self.secret, **signing)}
        sent.update(headers or {})
        self.connection.request("POST", self.path, body, {k: v for k, v in sent.items() if v is not None})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()

    def accepted(self, body):
        status, text = self.post(body)
        assert (status, text) == (200, '{"received":true}'), (status, text)

    def close(self):
        self.connection.close()


class Daemon:
    """`grapnel serve` in `folder`, with the config file made of `config` (plugin_path, state and a port of its own are added)."""

    def __init__(self, folder, config, listen="127.0.0.1:0", environment=None, plugins_crash=False):
        self.folder = Path(folder)
        self.config = self.folder / "grapnel.yaml"
        self.config.write_text(
            f"state: ./state\nplugin_path: [ {PLUGINS}, {TEST_PLUGINS} ]\nlisten: [ {listen} ]\n{config}"
        )
        self.log_path = self.folder / "log.txt"
        self.environment = environment
        self.plugins_crash = plugins_crash  # on purpose: a sanitizer's report from a worker is no finding then
        self.process = None
        self.addresses = []
        self.admin = None  # the address of `admin: listen`
        self.log_start = 0

    def launch(self):
        """Starts it without waiting for anything."""
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [GRAPNEL, "serve", "-c", self.config],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, **(self.environment or {})},
            )
        return self

    def start(self):
        self.launch()

        def ready():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log()}"
            return re.search(r"ready: listening on ([^\";\n]*)(?:; admin on ([^\"\n]*))?", self.log())

        found = wait_for(ready, "ready")
        self.addresses, self.admin = found.group(1).split(), found.group(2)
        return self

    def log(self):
        """What this start has logged so far."""
        with self.log_path.open("rb") as log:
            log.seek(self.log_start)
            return log.read().decode(errors="replace")

    def sender(self, **options):
        return Sender(self.addresses[0], **options)

    def workers(self):
        """The pids of its children."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def token(self):
        return (self.folder / "state" / "admin.token").read_text().strip()

    def ask(self, path, method="GET", body=None, headers=None, token=True):
        """Status, headers and text of the answer of `admin: listen`. `token`: another one than the right one, or None."""
        sent = {} if token is None else {"Authorization": f"Bearer {self.token() if token is True else token}"}
        with contextlib.closing(http.client.HTTPConnection(*self.admin.rsplit(":", 1), timeout=60 * SLOWNESS)) as connection:
            connection.request(method, path, body, {**sent, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60 * SLOWNESS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            assert self.stop() == 0, self.log()
        assert self.plugins_crash or "Sanitizer" not in self.log(), self.log()
        # Whatever a test is about. test_secrecy.py looks closer, and at more than the log.
        shown = [secret for secret in re.findall(r"whsec_\w+", self.config.read_text()) if secret in self.log()]
        assert not shown, self.log()

    def rows(self, query, *values):
        """Rows of the store, read only."""
        path = f"file:{self.folder}/state/grapnel.db?mode=ro"
        with contextlib.closing(sqlite3.connect(path, uri=True, timeout=10)) as database:
            return database.execute(query, values).fetchall()

    def drained(self, timeout=60):
        """Waits until no delivery is open."""

        def empty():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.log()}"
            return self.rows("SELECT count(*) FROM delivery") == [(0,)]

        wait_for(empty, "the queue to drain", timeout)


def run(*arguments, **options):
    """A command to its end; its result with text output. Nobody is asked, even if a person started the tests."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, timeout=120 * SLOWNESS, **options)


def lines(path):
    """The JSON lines of a file of logging.so; none if it is not there yet."""
    return [json.loads(line) for line in Path(path).read_text().splitlines()] if Path(path).exists() else []
