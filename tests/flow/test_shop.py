"""All plugins in one shop: hostile payloads go through every one of them, and have no effect in any."""

import contextlib
import email
import email.policy
import json
import sqlite3

import test_email
import test_exec
import test_forward
import test_order_fulfilment_hostile
from exec_plugin import DUMP
from grapnel_test import Daemon, event, lines
from receiver import Receiver

HOSTILE = list(dict.fromkeys(test_email.NAMES + test_email.ADDRESSES + test_exec.HOSTILE + test_forward.HOSTILE + test_order_fulfilment_hostile.HOSTILE))
CANARIES = ("pwned", "owned")
TO = "ada@shop.example"


def config(url):
    plugins = {
        "logging": {"settings": {"path": "events.jsonl"}},
        "email": {
            "settings": {
                "maildir": "outbox",
                "from": "Shop <orders@shop.example>",
                "to": f'"{{{{/data/object/value}}}}" <{TO}>',
                "subject": "Thanks, {{/data/object/value}}",
                "text": "{{/data/object/value}}",
                "html": '<a href="https://shop.example/?q={{/data/object/value | url}}">{{/data/object/value}}</a>',
            }
        },
        "order_fulfilment": {"settings": {"database": "sqlite:orders.db", "create_missing": True}},
        "exec": {"settings": {"command": ["python3", "-c", DUMP], "payload_arguments": ["/data/object/value"], "payload_environment": {"VALUE": "/data/object/value"}}},
        "forward": {"settings": {"url": url, "secret": test_forward.SECRET}},
    }
    parts = {
        "sources": {"cryptopay": {"path": "/webhook", "signature": "cryptopay", "secrets": ["whsec_test_secret"]}},
        "plugins": {name: {**plugin, "retry": {"first": "50ms", "attempts": 2}} for name, plugin in plugins.items()},
        "routes": {"*": list(plugins)},
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in parts.items())


def payload(number, value):
    found = {"value": value, "payment_id": value, "amount": 2490, "currency": "EUR", "metadata": {"order_id": value}}
    return event(f"e{number}", type="payment.succeeded", **found)


def test_hostile_payloads_through_all_plugins(tmp_path):
    assert len(HOSTILE) >= 50
    (tmp_path / "dumps").mkdir()
    sent = {f"e{n}": payload(n, value) for n, value in enumerate(HOSTILE)}
    with Receiver() as receiver, Daemon(tmp_path, config(receiver.url("/fixed"))) as daemon:
        with contextlib.closing(daemon.sender()) as sender:
            for body in sent.values():
                sender.accepted(body)
        daemon.drained()
        dead = daemon.rows("SELECT p.name, e.external_id FROM dead d JOIN event e ON e.number = d.event JOIN plugin p ON p.number = d.plugin")

    # What can't be done with a value is a dead letter, of that plugin alone, and only of values that hold a NUL, are empty or far too long.
    strange = {f"e{n}" for n, value in enumerate(HOSTILE) if "\0" in value or not value or len(value) > 250}
    assert {id for _, id in dead} <= strange, dead
    assert {name for name, _ in dead} <= {"email", "order_fulfilment", "exec"}

    def done(plugin):
        return set(sent) - {id for name, id in dead if name == plugin}

    # Nothing was run, and nothing was written but where each plugin writes.
    assert {entry.name for entry in tmp_path.iterdir()} == {"dumps", "events.jsonl", "grapnel.yaml", "log.txt", "orders.db", "outbox", "state"}
    assert not any((tmp_path / name).exists() for name in CANARIES)
    # logging: a line each, with the payload as it was sent.
    assert {line["id"]: line["event"] for line in lines(tmp_path / "events.jsonl")} == {id: json.loads(body) for id, body in sent.items()}
    # email: one mail each, to the one address that the config has.
    mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in (tmp_path / "outbox/new").iterdir()]
    assert len(mails) == len(done("email"))
    for mail in mails:
        assert [address.addr_spec for address in mail["to"].addresses] == [TO]
        assert set(mail.keys()) == {"Date", "From", "To", "Subject", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        assert "<script" not in mail.get_body(("html",)).get_content()
    # order_fulfilment: an order each, of that very name.
    with contextlib.closing(sqlite3.connect(tmp_path / "orders.db")) as database:
        orders = database.execute("SELECT id, status FROM orders").fetchall()
        assert set(database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")) == {("orders",), ("grapnel_ledger",)}
    assert sorted(orders) == sorted((HOSTILE[int(id[1:])], "paid") for id in done("order_fulfilment"))
    # exec: the value is one argument.
    dumps = [json.loads(path.read_text()) for path in (tmp_path / "dumps").iterdir()]
    assert sorted(dump["arguments"][0] for dump in dumps) == sorted(HOSTILE[int(id[1:])] for id in done("exec"))
    # forward: the body and nothing else, to the one path.
    assert sorted(request.body for request in receiver.requests) == sorted(sent.values())
    assert {request.path for request in receiver.requests} == {"/fixed"}
