"""Events signed by the `stripe` package of the npm registry are accepted; anything changed is not."""

import fcntl
import json
import shutil
import subprocess
import time

import pytest

from grapnel_test import BUILD, SOURCE, Daemon, lines

CONFIG = """
sources:
  stripe: { path: /stripe, signature: stripe, secrets: [ whsec_old, whsec_new ] }
plugins:
  logging: { settings: { path: events.log } }
routes:
  "*": [ logging ]
"""

BODY = '{\n  "id": "evt_1",\n  "object": "event",\n  "type": "payment_intent.succeeded",\n  "data": { "object": { "name": "Zoë ✓" } }\n}\n'


@pytest.fixture(scope="module")
def sign():
    """A function (payload, secret, timestamp) -> header, made by the package."""
    folder = BUILD / "tests" / "node"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in ("package.json", "stripe_sign.js"):
            shutil.copy(SOURCE / "tests" / "flow" / "node" / name, folder / name)
        if not (folder / "node_modules" / "stripe" / "package.json").exists():
            subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"],
                cwd=folder,
                check=True,
                timeout=240,
                stdout=subprocess.DEVNULL,
            )

    def sign(payload, secret="whsec_new", timestamp=None):
        wish = {"payload": payload, "secret": secret, "timestamp": timestamp or int(time.time())}
        result = subprocess.run(
            ["node", folder / "stripe_sign.js"], input=json.dumps(wish), capture_output=True, text=True, check=True, timeout=60
        )
        return result.stdout.strip()

    return sign


REFUSED = (400, "Webhook Error: signature verification failed")
OFF = (400, "Webhook Error: timestamp outside the tolerance")


def test_signed_by_the_package(tmp_path, sign):
    now = int(time.time())
    with Daemon(tmp_path, CONFIG) as daemon:
        sender = daemon.sender(path="/stripe", header="Stripe-Signature")

        def post(body, header):
            status, text = sender.post(body.encode(), {"Stripe-Signature": header})
            return status, text.rstrip("\n")

        assert post(BODY, sign(BODY)) == (200, '{"received":true}')
        assert post(BODY, sign(BODY, secret="whsec_old")) == (200, '{"received":true,"duplicate":true}')
        other = BODY.replace("evt_1", "evt_2")
        assert post(other, sign(BODY)) == REFUSED
        assert post(BODY[:-1], sign(BODY)) == REFUSED
        assert post(BODY, sign(BODY, secret="whsec_wrong")) == REFUSED
        assert post(BODY, None) == REFUSED
        assert post(other, sign(other, timestamp=now - 400)) == OFF
        assert post(other, sign(other, timestamp=now + 400)) == OFF
        assert post(other, sign(other, timestamp=now - 200)) == (200, '{"received":true}')
        daemon.drained()
    delivered = lines(tmp_path / "events.log")
    assert [line["id"] for line in delivered] == ["evt_1", "evt_2"]
    assert delivered[0]["event"] == json.loads(BODY)
