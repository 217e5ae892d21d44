"""What the tests of the commands share: a daemon with a plugin that does what it is told at the moment, and the commands themselves."""

import contextlib
import json
import os

import pytest

from grapnel_test import GRAPNEL, SECRET, Daemon, event, run, wait_for

CONFIG = f"""
limits: {{ body: 64KiB }}
sources:
  cryptopay: {{ path: /webhook, signature: cryptopay, secrets: [ {SECRET}, whsec_older ] }}
plugins:
  steered:
    retry: {{ first: 10ms, longest: 20ms, attempts: 3 }}
    settings: {{ record: record.txt, steer: steer.txt }}
  logging: {{ settings: {{ path: log.jsonl }} }}
routes:
  payment.*: [ steered, logging ]
"""


@pytest.fixture
def daemon(tmp_path):
    with Daemon(tmp_path, CONFIG) as daemon:
        yield daemon


def grapnel(daemon, *arguments, code=0, **options):
    done = run(GRAPNEL, *arguments, "-c", daemon.config, **options)
    assert done.returncode == code, done
    return done.stdout if code == 0 else done.stderr


def grapnel_json(daemon, *arguments):
    return json.loads(grapnel(daemon, *arguments, "--json"))


def steer(daemon, what):
    """What steered.so does from now on; see tests/plugins/steered.c."""
    (daemon.folder / "steer.new").write_text(what)
    os.rename(daemon.folder / "steer.new", daemon.folder / "steer.txt")


def begun(daemon):
    """(id, attempt, key) of each time that steered.so was called."""
    path = daemon.folder / "record.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(line.split()[1:4]) for line in lines if line.startswith("begin ")]


def send(daemon, *ids, **object):
    with contextlib.closing(daemon.sender()) as sender:
        for id in ids:
            sender.accepted(event(id, **object))


def dead_ids(daemon):
    return {letter["id"] for letter in grapnel_json(daemon, "dead", "--limit", 10000)}


def until_dead(daemon, *ids):
    wait_for(lambda: dead_ids(daemon) == set(ids), f"{ids} to be dead")


def state(daemon, id):
    return grapnel_json(daemon, "show", f"cryptopay/{id}")["state"]
