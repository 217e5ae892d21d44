"""logging, email, exec and forward take no more memory with time, and valgrind finds nothing; order_fulfilment has a test of its own.

GRAPNEL_DELIVERIES=100000 makes it as long.
"""

import contextlib
import json
import os
import shutil

import pytest

from grapnel_test import BUILD, Daemon, event
from receiver import Receiver

DELIVERIES = int(os.environ.get("GRAPNEL_DELIVERIES", 3000))
GROWTH_KIB = 256
SECRET = "whsec_dGhpcnR5LXR3byBieXRlcyBvZiBhIHNlY3JldCBrZXk="
PLUGINS = {
    "logging": {"path": "events.jsonl"},
    "email": {
        "maildir": "outbox",
        "from": "Shop <orders@shop.example>",
        "to": "Ada <{{/data/object/email}}>",
        "subject": "Order {{id}}: {{/data/object/amount | money \"EUR\"}}",
        "text": "Hello {{/data/object/name | default \"customer\"}}",
        "html": "<p>{{/data/object/name | default \"customer\"}}</p>",
    },
    "exec": {"command": ["cat"]},
    "forward": {"url": None, "secret": SECRET},
}

pytestmark = pytest.mark.skipif(bool(os.environ.get("GRAPNEL_SANITIZE")), reason="a sanitizer looks itself, and keeps what was freed")


@contextlib.contextmanager
def shop(folder, name):
    """A daemon with this one plugin, and whom it talks to."""
    settings = dict(PLUGINS[name])
    with Receiver() as receiver:
        if "url" in settings:
            settings["url"] = receiver.url()
        config = {
            "sources": {"cryptopay": {"path": "/webhook", "signature": "cryptopay", "secrets": ["whsec_test_secret"]}},
            "plugins": {name: {"memory": "1GiB", "settings": settings}},
            "routes": {"*": [name]},
        }
        with Daemon(folder, "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items())) as daemon:
            yield daemon


def send(daemon, name, count):
    """One in twenty has what email makes a dead letter of."""
    with contextlib.closing(daemon.sender()) as sender:
        for n in range(count):
            to = "ada@shop.example" if n % 20 else "no address"
            sender.accepted(event(f"{name}-{n}", email=to, amount=n, name="Zoë" * (n % 50)))
    daemon.drained(600)


def resident_kib(pid):
    """What is the process's own, without files that are mapped."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


@pytest.mark.parametrize("name", PLUGINS)
def test_memory_is_flat(tmp_path, capsys, name):
    with shop(tmp_path, name) as daemon:
        (worker,) = daemon.workers()
        send(daemon, "warm", 1000)
        before = resident_kib(worker)
        send(daemon, "then", DELIVERIES)
        assert daemon.workers() == [worker]
        after = resident_kib(worker)
    with capsys.disabled():
        print(f"\n{name}: {before} KiB after 1000 deliveries, {after} KiB after {DELIVERIES} more")
    assert after <= before + GROWTH_KIB


@pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind")
@pytest.mark.parametrize("name", PLUGINS)
def test_valgrind_finds_nothing(tmp_path, monkeypatch, name):
    """A daemon beside a host of that name which is valgrind."""
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(BUILD / "bin" / "grapnel", programs)
    host = programs / "grapnel-host"
    report = tmp_path / "valgrind"
    host.write_text(
        "#!/bin/sh\nexec valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --trace-children=no "
        f'--log-file={report}.%p {BUILD}/bin/grapnel-host "$@"\n'
    )
    host.chmod(0o755)
    monkeypatch.setattr("grapnel_test.GRAPNEL", programs / "grapnel")
    with shop(tmp_path, name) as daemon:
        send(daemon, "e", 1000)
    reports = list(tmp_path.glob("valgrind.*"))
    assert reports
    assert "".join(path.read_text() for path in reports) == ""
