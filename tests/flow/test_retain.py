"""What the store keeps, and for how long; and what happens when its disk is full, or it may take no more of it."""

import contextlib
import os
import subprocess

import pytest
from grapnel_test import Daemon, event, wait_for
from operate_test import command, command_json, stamps, told

CONFIG = """
retain: {{ {retain} }}
sources: {{ cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] }} }}
plugins:
  stamp: {{ workers: 1, deadline: 1h, settings: {{ hold: hold, record: record.txt }} }}
routes: {{ "*": [ stamp ] }}
"""
MIB = 1024 * 1024


@contextlib.contextmanager
def file_system(folder, size):
    """A small one of its own, for who may make one."""
    folder.mkdir(mode=0o700)
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]).returncode != 0:
        pytest.skip("only root may mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(daemon, most=100000):
    """Sends large events until one is refused; how many were accepted."""
    sender = daemon.sender()
    for number in range(most):
        status, text = sender.post(event(f"large-{number}", padding="x" * 65536))
        if status != 200:
            assert status == 503, (status, text)
            return number
    raise AssertionError("none was refused")


def test_old_events_go(tmp_path):
    with Daemon(tmp_path, CONFIG.format(retain="events: 1s")) as daemon:
        sender = daemon.sender()
        for number in range(50):
            sender.accepted(event(f"e{number}"))
        wait_for(lambda: told(daemon, "/api/status")["store"]["events"] == 0, "the events to be deleted")
        assert len(stamps(tmp_path)) == 50
        assert command_json(daemon, "events") == []
        command(daemon, "show", "cryptopay/e7", code=1)
        # What was accepted is known for longer.
        assert sender.post(event("e7")) == (200, '{"received":true,"duplicate":true}')


def test_the_disk_is_full(tmp_path):
    """Refused in time, so that deliveries go on and are noted; accepted again when old events made room."""
    (tmp_path / "hold").touch()
    with file_system(tmp_path / "state", "96m"), Daemon(tmp_path, CONFIG.format(retain="events: 1s")) as daemon:
        accepted = fill(daemon)
        assert 300 < accepted < 96 * MIB / 65536
        status = told(daemon, "/api/status")
        assert status["intake"] == "refusing" and "16MiB are to stay free: make room there" in status["why"], status
        assert os.statvfs(tmp_path / "state").f_bavail * 4096 > 8 * MIB
        (tmp_path / "hold").unlink()
        daemon.drained()
        assert len({stamp.id for stamp in stamps(tmp_path)}) == accepted
        sender = daemon.sender()
        wait_for(lambda: sender.post(event("later"))[0] == 200, "events to be accepted again")
        assert daemon.log().count("events are refused from now on") == 1
        assert daemon.log().count("there is room again") == 1


def test_the_limit_is_reached(tmp_path):
    """Of `retain: disk`: nothing is refused as long as done events can go before their time."""
    (tmp_path / "hold").touch()
    with Daemon(tmp_path, CONFIG.format(retain="disk: 32MiB")) as daemon:
        accepted = fill(daemon)
        assert 200 < accepted < 48 * MIB / 65536
        status = told(daemon, "/api/status")
        assert status["intake"] == "refusing" and "`retain: disk` allows 32MiB" in status["why"], status
        (tmp_path / "hold").unlink()
        daemon.drained()
        sender = daemon.sender()
        wait_for(lambda: sender.post(event("later"))[0] == 200, "events to be accepted again")
        for number in range(1000):
            sender.accepted(event(f"more-{number}", padding="x" * 65536))
        daemon.drained()
        assert len({stamp.id for stamp in stamps(tmp_path)}) == accepted + 1001
        assert (tmp_path / "state" / "grapnel.db").stat().st_size < 48 * MIB
        assert "done events were deleted before their time, as " in daemon.log()
        newest = command_json(daemon, "events", "--limit", "1")[0]
        assert (newest["id"], newest["state"]) == ("more-999", "done")
