"""What the tests of exec.so share."""

import json
from pathlib import Path

from grapnel_test import Daemon

# A Python program that leaves what it was given in the folder dumps, a file each.
DUMP = """
import json, os, sys
given = {
    "arguments": sys.argv[1:],
    "environment": open("/proc/self/environ").read().split("\\0")[:-1],
    "input": sys.stdin.buffer.read().decode(),
}
open(f"dumps/{os.getpid()}", "w").write(json.dumps(given))
"""


def environment_of(entries):
    """NAME=value, each name once."""
    pairs = [entry.split("=", 1) for entry in entries]
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def exec_daemon(folder, settings, environment=None, source="", **options):
    """A daemon whose plugin exec has these settings; each event is tried once only, unless `retry` says otherwise."""
    plugin = {"file": "exec.so", "retry": {"first": "50ms", "factor": 1, "jitter": "0%", "attempts": 1}, "settings": settings, **options}
    config = {
        "sources": {"cryptopay": {"path": "/webhook", "signature": "cryptopay", "secrets": ["whsec_test_secret"]}},
        "plugins": {"exec": plugin},
        "routes": {"*": ["exec"]},
    }
    return Daemon(folder, source + "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items()), environment=environment)


def script(folder, text, name="script"):
    """An executable file; its path as a setting."""
    path = Path(folder) / name
    path.write_text(text)
    path.chmod(0o755)
    return f"./{name}"


def shell(text):
    return ["sh", "-c", text, "sh"]


def gone(pid):
    """No such process, or one that has ended and was not yet reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
