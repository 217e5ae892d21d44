"""order_fulfilment.so takes no more memory with time, and valgrind finds nothing. GRAPNEL_DELIVERIES=100000 makes it as long."""

import os
import shutil

import pytest

from grapnel_test import BUILD, Daemon
from orders_test import config, database, orders_make, payment, send_all, server  # noqa: F401: fixtures

DELIVERIES = int(os.environ.get("GRAPNEL_DELIVERIES", 4000))
TYPES = ["payment_intent.succeeded", "payment_intent.payment_failed", "charge.refunded", "payment.canceled", "customer.created"]

pytestmark = pytest.mark.skipif(bool(os.environ.get("GRAPNEL_SANITIZE")), reason="a sanitizer looks itself, and keeps what was freed")


def resident_kib(pid):
    """What is the process's own, without files that are mapped."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def test_memory_is_flat(tmp_path, database, capsys):
    orders_make(database, {f"o{n}": 2490 for n in range(1000)})

    def bodies(name, count):
        # One in twenty is refused.
        for n in range(count):
            yield payment(f"{name}-{n}", TYPES[n * 7 % 5], f"o{n % 1000}", 2490 if n % 20 else 1)

    with Daemon(tmp_path, config(database)) as daemon:
        (worker,) = daemon.workers()
        send_all(daemon, list(bodies("warm", 2000)))
        daemon.drained()
        before = resident_kib(worker)
        send_all(daemon, list(bodies("then", DELIVERIES)))
        daemon.drained(280)
        assert daemon.workers() == [worker]
        after = resident_kib(worker)
        with capsys.disabled():
            print(f"\n{database.name}: {before} KiB after 2000 deliveries, {after} KiB after {DELIVERIES} more")
        # SQLite's cache of pages grows with the file, up to its limit.
        assert after <= before + (2512 if database.name == "sqlite" else 512)


@pytest.mark.skipif(not shutil.which("valgrind"), reason="no valgrind")
def test_valgrind_finds_nothing(tmp_path, database, monkeypatch):
    """A daemon beside a host of that name which is valgrind."""
    orders_make(database, {f"o{n}": 2490 for n in range(100)})
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(BUILD / "bin" / "grapnel", programs)
    host = programs / "grapnel-host"
    report = tmp_path / "valgrind"
    host.write_text(
        "#!/bin/sh\nexec valgrind -q --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite "
        f'--log-file={report}.%p {BUILD}/bin/grapnel-host "$@"\n'
    )
    host.chmod(0o755)
    monkeypatch.setattr("grapnel_test.GRAPNEL", programs / "grapnel")
    with Daemon(tmp_path, config(database).replace("workers: 1", "workers: 1\n    memory: 1GiB")) as daemon:
        send_all(daemon, [payment(f"e{n}", TYPES[n % 4], f"o{n // 4 % 100}", 2490 if n % 20 else 1) for n in range(1000)])
        daemon.drained(280)
    reports = list(tmp_path.glob("valgrind.*"))
    assert reports
    assert "".join(path.read_text() for path in reports) == ""
