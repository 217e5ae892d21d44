"""Secrets are gone from memory once they have done their work: looked for in the memory of the daemon that runs."""

import os
import re
import secrets

import pytest

from grapnel_test import Daemon, event

CONFIG = """
sources:
  file: {{ path: /webhook, signature: cryptopay, secrets: [ {{ file: one.secret }} ] }}
  inline: {{ path: /inline, signature: cryptopay, secrets: [ {inline} ] }}
plugins:
  settings_all: {{ settings: {{ out: all.txt, secret: {{ file: plugin.secret }} }} }}
  null: {{ environment: {{ TOKEN: {{ file: environment.secret }} }} }}
routes: {{ "*": [ settings_all, null ] }}
"""


def copies(pid, secret):
    """How often it stands in memory that can be written to."""
    count = 0
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if not found or "[vvar]" in line:
                continue
            start, end = (int(number, 16) for number in found.groups())
            memory.seek(start)
            try:
                content = memory.read(end - start)
            except OSError:
                continue
            count += content.count(secret.encode())
    return count


@pytest.fixture
def texts(tmp_path):
    made = {}
    for name in ("one", "plugin", "environment", "inline"):
        made[name] = f"whsec_{name}_{secrets.token_urlsafe(40)}"
        (tmp_path / f"{name}.secret").write_text(made[name] + "\n")
        (tmp_path / f"{name}.secret").chmod(0o600)
    return made


@pytest.mark.skipif(bool(os.environ.get("GRAPNEL_SANITIZE")), reason="a sanitizer's memory is too large to be read")
def test_what_the_daemon_keeps(tmp_path, texts):
    # Those of sources are keys by now. What workers need is kept once, for the next one to be started.
    expected = {"one": 0, "inline": 0, "plugin": 1, "environment": 1}
    with Daemon(tmp_path, CONFIG.format(**texts)) as daemon:
        try:
            seen = {name: copies(daemon.process.pid, text) for name, text in texts.items()}
        except PermissionError:
            pytest.skip("the daemon's memory is hidden from this user, as it should be")
        assert seen == expected
        daemon.sender(secret=texts["one"]).accepted(event("e1"))
        daemon.drained()
        assert {name: copies(daemon.process.pid, text) for name, text in texts.items()} == expected
        (worker,) = [pid for pid in daemon.workers() if copies(pid, texts["plugin"])]
        assert copies(worker, texts["one"]) == copies(worker, texts["inline"]) == copies(worker, texts["environment"]) == 0
