"""Who takes the state folder away from a running daemon hears of it: no event is answered 200 that goes nowhere."""

import shutil

from grapnel_test import Daemon, event, wait_for

CONFIG = """
sources: { cryptopay: { path: /webhook, signature: cryptopay, secrets: [ whsec_test_secret ] } }
"""


def test_no_200_after_the_state_is_gone(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        sender = daemon.sender()
        sender.accepted(event("e1"))
        shutil.rmtree(tmp_path / "state")
        status, _ = sender.post(event("e2"))
        assert status == 503
        wait_for(lambda: daemon.process.poll() is not None, "the daemon to end")
        assert daemon.process.returncode == 75
        assert "grapnel.db: the file was moved or deleted while it was in use" in daemon.log()
