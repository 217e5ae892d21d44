"""order_fulfilment.so and payloads that strangers wrote: values are values, whatever they look like."""

from grapnel_test import Daemon
from orders_test import config, database, dead, payment, server  # noqa: F401: fixtures

HOSTILE = [
    "'; DROP TABLE canary; --", "' OR '1'='1", "1' OR 1=1 --", "'); DELETE FROM canary; --", "\\'; DROP TABLE canary; --", "$1", "$2; $3",
    "?1", ":id", "@id", "%s%n%s", "${id}", "{{id}}", "$(touch owned)", "`touch owned`", "; touch owned", "| touch owned", "../../etc/passwd",
    "/etc/passwd", "\r\nSet-Cookie: a=b", "a\nINFO forged line", "\x1b[31mred", "\x08\x08\x08", "‮evil", "﻿bom", "\u2028line", "🧨", "Ω≈ç√",
    "\u00e9", "e\u0301", "\U0010ffff", "/*", "*/", "--", "/**/OR/**/1=1", "' UNION SELECT secret FROM canary --", "'||(SELECT secret FROM canary)||'",
    "x'00'", "E'\\x27'", "U&'\\0027'", "$$; DROP TABLE canary; $$", "$t$; DROP TABLE canary; $t$", "NULL", "true", "0", "-1", "1e309", "NaN",
    "' ; COMMIT; DROP TABLE canary; BEGIN; --", "ROLLBACK TO SAVEPOINT event", "{}", "[]", '"', '""', "\\", "\\\\", "a'b\"c`d", "x" * 255,
]


def test_hostile_payloads_have_no_effect(tmp_path, database):
    """In the place of every value: what is a text is stored as that text, what is no amount or currency is refused."""
    database.script("CREATE TABLE canary (secret TEXT); INSERT INTO canary VALUES ('s3cret');")
    with Daemon(tmp_path, config(database, "create_missing: true", workers=2)) as daemon:
        sender = daemon.sender()
        for n, text in enumerate(HOSTILE):
            sender.accepted(payment(f"id-{n}", "payment.succeeded", text, payment=text))
            sender.accepted(payment(f"amount-{n}", "payment.succeeded", f"amount-{n}", amount=text))
            sender.accepted(payment(f"currency-{n}", "payment.succeeded", f"currency-{n}", currency=text))
            sender.accepted(payment(f"refunded-{n}", "charge.refunded", f"refunded-{n}", amount_refunded=text))
        daemon.drained()
        log, died = daemon.log(), set(dead(daemon))
        assert "\x1b" not in log and "\nINFO" not in log and "s3cret" not in log
    numbers = {n for n, text in enumerate(HOSTILE) if text.isdigit()}
    currencies = {n for n, text in enumerate(HOSTILE) if text in ("NULL", "true", "1e309", "NaN")}
    refused = {f"amount-{n}" for n in range(len(HOSTILE)) if n not in numbers}
    refused |= {f"currency-{n}" for n in range(len(HOSTILE)) if n not in currencies}
    refused |= {f"refunded-{n}" for n in range(len(HOSTILE)) if n not in numbers}
    assert died == refused
    created = {text: text for text in HOSTILE}
    created |= {f"amount-{n}": "pi_1" for n in numbers} | {f"currency-{n}": "pi_1" for n in currencies}
    created |= {f"refunded-{n}": None for n in numbers}
    found = dict(database.texts("id, payment_id", "orders"))
    assert found == created
    assert database.query("SELECT secret FROM canary") == [("s3cret",)]
    assert not (tmp_path / "owned").exists()


def test_hostile_values_of_own_statements(tmp_path, database):
    database.script(
        "CREATE TABLE canary (secret TEXT); INSERT INTO canary VALUES ('s3cret'); CREATE TABLE said (event TEXT, what TEXT);"
    )
    own = "statements: { pay: { sql: 'INSERT INTO said (event, what) VALUES ($1, $2)', values: [ event_id, /data/object/note ] } }"
    with Daemon(tmp_path, config(database, own)) as daemon:
        sender = daemon.sender()
        for n, text in enumerate(HOSTILE):
            sender.accepted(payment(f"e{n}", "payment.succeeded", "o1", note=text))
        daemon.drained()
        assert dead(daemon) == {}
    assert dict(database.texts("event, what", "said")) == {
        f"e{n}": text for n, text in enumerate(HOSTILE)
    }
    assert database.query("SELECT secret FROM canary") == [("s3cret",)]
