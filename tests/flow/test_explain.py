"""`grapnel explain`: published signatures are right and break with one byte, the negative cases of the senders' own libraries come out as
decided, each step is judged, and what is told mends what was wrong."""

import base64
import hashlib
import hmac
import http.client
import json
import os
from pathlib import Path

import pytest

from grapnel_test import GRAPNEL, PLUGINS, Daemon, run

VECTORS = json.loads((Path(__file__).parent / "signature_vectors.json").read_text())
AT = 1700000000
BODY = '{"id":"evt_1","type":"payment.succeeded"}'


def mac(secret, text, algorithm=hashlib.sha256):
    secret, text = (part if isinstance(part, bytes) else part.encode() for part in (secret, text))
    return hmac.new(secret, text, algorithm)


def hexadecimal(*arguments):
    return mac(*arguments).hexdigest()


def in_base64(*arguments):
    return base64.b64encode(mac(*arguments).digest()).decode()


def write_config(folder, signature, secrets, **source):
    """One source "it" with these keys; the rest as it must be."""
    if not isinstance(signature, str):
        source.setdefault("event", {"id": "/id", "type": "/type"})
    if signature == "square":
        source.setdefault("url", "https://example.com/webhook")
    source = {"path": "/hook", "signature": signature, "secrets": secrets, **source}
    config = {
        "state": str(folder / "state"),
        "plugin_path": [str(PLUGINS)],
        "sources": {"it": source, "other": {"path": "/other", "signature": "stripe", "secrets": ["unused_secret_of_other"]}},
        "plugins": {"first": {"file": "logging.so", "settings": {"path": "a"}}, "second": {"file": "logging.so", "settings": {"path": "b"}}},
        "routes": {"payment.*": ["first"], "it/*.succeeded": ["first", "second"], "other/*": ["second"]},
    }
    (folder / "grapnel.yaml").write_text(json.dumps(config))  # which is YAML too


def explain(folder, headers, body, *options, at=AT, source="it"):
    """The lines that were printed, by step; and the exit code, with what stands on stderr."""
    if isinstance(body, str):
        body = body.encode()
    (folder / "body").write_bytes(body)
    arguments = [GRAPNEL, "explain", "-c", folder / "grapnel.yaml", "--source", source, "--body", folder / "body"]
    arguments += ["--at", at] if at is not None else []
    for header in headers:
        arguments += ["--header", header]
    done = run(*arguments, *options)
    assert "Sanitizer" not in done.stderr, done.stderr
    return dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line), done


def is_ok(text):
    return text == "ok" or text.startswith("ok (")


STEPS = ["path", "address", "size", "content-type", "signature", "timestamp", "event", "route"]

# ---- published signatures ----


def changed(text, at):
    """With one bit of one character other, so that it stays one character."""
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1:]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_signatures_are_right_and_break_with_one_byte(tmp_path, vector):
    url = {"url": vector["url"]} if "url" in vector else {}
    write_config(tmp_path, vector["signature"], [vector["secret"]], **url)
    headers, body, at = vector["headers"], vector["body"], vector["at"]

    steps, done = explain(tmp_path, headers, body, at=at)
    assert list(steps) == STEPS
    assert "signature: ok" in done.stdout.splitlines(), done.stdout
    assert steps["timestamp"] == ("ok" if at else "skipped (this sender signs no time)")

    for place in {0, len(body) // 2, len(body) - 1} if body else ():
        steps, done = explain(tmp_path, headers, changed(body, place), at=at)
        assert not is_ok(steps["signature"]) and done.returncode == 1, (place, done.stdout)
    steps, done = explain(tmp_path, headers, body + "x", at=at)
    assert not is_ok(steps["signature"]) and done.returncode == 1, done.stdout

    # One digit of the signature: the first behind all that is no digit of it.
    signature = next(line for line in headers if "ignature" in line or "Hmac" in line)
    digit = max(signature.find(mark) for mark in ("v1=", "v1,", "v0=", "h1=", "sha256=", ": "))
    digit = signature.find("v1=") if "v1=" in signature else digit
    digit = signature.index(" " if signature[digit] == ":" else "=" if "=" in signature[digit:digit + 8] else ",", digit) + 1
    wrong = changed(signature, digit)
    steps, done = explain(tmp_path, [wrong if line == signature else line for line in headers], body, at=at)
    assert not is_ok(steps["signature"]) and done.returncode == 1, (wrong, done.stdout)

    if at:
        for then in (at - 300, at + 300):
            assert explain(tmp_path, headers, body, at=then)[0]["timestamp"] == "ok"
        assert "5 minutes in the future" in explain(tmp_path, headers, body, at=at - 301)[0]["timestamp"]
        assert "5 minutes old" in explain(tmp_path, headers, body, at=at + 301)[0]["timestamp"]


def test_every_preset_has_a_published_signature_or_one_that_signs_alike():
    """cryptopay signs as stripe does, under another header."""
    table = (Path(os.environ["GRAPNEL_SOURCE"]) / "core/event/signature_presets.c").read_text()
    presets = {line.split('"')[1] for line in table.splitlines() if line.startswith("        .name = ")}
    assert presets - {str(vector["signature"]) for vector in VECTORS} == {"cryptopay"}


# ---- negative cases ----

STRIPE, STANDARD = "stripe", "standard"
SECRET = "whsec_bmVnYXRpdmVfY2FzZXM="
STANDARD_KEY = base64.b64decode("bmVnYXRpdmVfY2FzZXM=")


def stripe(*items):
    return ["Stripe-Signature: " + ",".join(items)]


def v1(body=BODY, at=AT, secret=SECRET):
    return "v1=" + hexadecimal(secret, f"{at}.{body}")


def standard(*signatures, id="msg_1", at=AT, prefix="webhook"):
    signatures = signatures or ("v1," + standard_mac(),)
    return [f"{prefix}-id: {id}", f"{prefix}-timestamp: {at}", f"{prefix}-signature: {' '.join(signatures)}"]


def standard_mac(body=BODY, key=STANDARD_KEY, at=AT):
    return in_base64(key, f"msg_1.{at}.{body}")


def without(headers, name):
    return [line for line in headers if not line.startswith(name)]


def github(signature):
    return [f"X-Hub-Signature-256: {signature}", "X-GitHub-Delivery: 1", "X-GitHub-Event: push"]


def shopify(body=BODY):
    return [f"X-Shopify-Hmac-Sha256: {in_base64(SECRET, body)}", "X-Shopify-Webhook-Id: 1", "X-Shopify-Topic: orders/create"]


def slack(body=BODY, at=AT):
    return [f"X-Slack-Signature: v0={hexadecimal(SECRET, f'v0:{at}:{body}')}", f"X-Slack-Request-Timestamp: {at}"]


def square(body=BODY, url="https://example.com/webhook", secret=SECRET):
    return [f"x-square-hmacsha256-signature: {in_base64(secret, url + body)}"]


def h1(body=BODY, at=AT, secret=SECRET):
    return "h1=" + hexadecimal(secret, f"{at}:{body}")


def paddle(*items):
    return ["Paddle-Signature: " + ";".join(items)]


PADDLE_BODY = '{"event_id":"evt_1","event_type":"payment.succeeded"}'
COINBASE_BODY = '{"event":{"id":"1","type":"payment.succeeded"}}'
CALLBACK_BODY = '{"type":"Invoice","event":"created","data":{"id":"1","status":"new"}}'
T = f"t={AT}"
CONVOY = {"header": "X-Convoy-Signature", "items": ["t={timestamp}", "v1={hex}"], "signed": "{timestamp},{body}"}
CONVOY_HEX = {"header": "X-Convoy-Signature", "items": ["{hex}"], "signed": "{body}"}
CONVOY_BASE64 = {"header": "X-Convoy-Signature", "items": ["{base64}"], "signed": "{body}"}


def convoy(text):
    return ["X-Convoy-Signature: " + text]


def convoy_v1(at=AT, secret=SECRET):
    return "v1=" + hexadecimal(secret, f"{at},{BODY}")


NONE = "holds no signature of the form"
MISSING = "is missing or empty"
MISMATCH = "no signature in the header"
NOT_JSON = "the body is not JSON"

# Where it is from, the case; preset or scheme, headers, body; how the step comes out ("ok", or a part of the reason); options.
# Where a row says so, Grapnel decides otherwise than the library it is from.
NODE, GO, NET = "stripe-node Webhook.spec.ts", "stripe-go webhook/client_test.go", "stripe-dotnet EventUtilityTest.cs"
WEBHOOKS = "standard-webhooks libraries/*/tests"
OCTOKIT, ADNANH = "octokit webhooks-methods verify.test.ts", "adnanh/webhook hook_test.go"
VALIDATE = "shopify-app-js validate.test.ts"
VERIFIER = "python-slack-sdk test_signature_verifier.py"
SQUARE_TESTS, PADDLE_TESTS = "square SDKs webhooks helper tests", "paddle-node-sdk webhooks-validator.test.ts"
COINBASE, CALLBACK = "coinbase-commerce-node testWebhook.spec.js", "cryptopay-node callback tests"
CONVOY_TESTS = "convoy signature-vectors.json"

CASES = [
    (NODE, "no header", STRIPE, [], BODY, {"signature": MISSING}),
    (NODE, "an empty header", STRIPE, ["Stripe-Signature: "], BODY, {"signature": MISSING}),
    (NODE, "a header without t= (bad_header)", STRIPE, stripe("bad_header"), BODY, {"signature": NONE}),
    (NODE, "not even a signature header", STRIPE, stripe("I'm not even a real signature header"), BODY, {"signature": NONE}),
    (GO, "v1,t=1", STRIPE, stripe("v1", "t=1"), BODY, {"signature": NONE}),
    (GO, "t=", STRIPE, stripe("t="), BODY, {"signature": NONE}),
    (NODE, "a header that stands twice", STRIPE, stripe(T, v1()) * 2, BODY, {"signature": "stands more than once"}),
    (NODE, "only v0", STRIPE, stripe(T, v1().replace("v1", "v0")), BODY, {"signature": "it holds t=…, v0=…"}),
    (NODE, "a signature that is no hex", STRIPE, stripe(T, "v1=bad_signature"), BODY, {"signature": NONE}),
    (GO, "a short digest", STRIPE, stripe(T, "v1=deadbeef"), BODY, {"signature": NONE}),
    (GO, "a wrong digest", STRIPE, stripe(T, "v1=" + "deadbeef" * 8), BODY, {"signature": MISMATCH}),
    (NODE, "a good one and v1=potato", STRIPE, stripe(T, v1(), "v1=potato"), BODY, {"signature": "ok"}),
    (NODE, "v1=bad_signature and a good one", STRIPE, stripe(T, "v1=bad_signature", v1()), BODY, {"signature": "ok"}),
    (NODE, "two signatures, of the old and the new secret", STRIPE, stripe(T, v1(secret="whsec_new"), v1()), BODY, {"signature": "ok"}),
    (NODE, "the same with the new secret", STRIPE, stripe(T, v1(), v1(secret="whsec_new")), BODY, {"signature": "ok"}, {"secrets": ["whsec_new"]}),
    (NODE, "a time older than the tolerance", STRIPE, stripe(T, v1()), BODY, {"signature": "ok", "timestamp": "5 minutes old"}, {"at": AT + 301}),
    (NODE, "a time at the tolerance's end", STRIPE, stripe(T, v1()), BODY, {"signature": "ok", "timestamp": "ok"}, {"at": AT + 300}),
    (NODE, "a future time, which the library accepts and Grapnel does not", STRIPE, stripe(T, v1()), BODY,
     {"signature": "ok", "timestamp": "5 minutes in the future"}, {"at": AT - 301}),
    (NODE, "an empty body is no event, even if signed", STRIPE, stripe(T, v1("")), "", {"signature": "ok", "event": NOT_JSON}),
    (NODE, "a body that was parsed and written again", STRIPE, stripe(T, v1(json.dumps(json.loads(BODY), indent=2))), BODY,
     {"signature": "with the body pretty-printed (indented by 2)"}),
    (NODE, "a secret with white space", STRIPE, stripe(T, v1()), BODY, {"signature": "without the white space around the configured secret"},
     {"secrets": [SECRET + " "]}),
    (NET, "a body that is no UTF-8", STRIPE, stripe(T, "v1=" + hexadecimal(SECRET, b"1700000000.\xff")), b"\xff",
     {"signature": "ok", "event": NOT_JSON}),
    (NET, "a body with half a surrogate pair", STRIPE, stripe(T, v1('{"id":"\\ud800"}')), '{"id":"\\ud800"}', {"signature": "ok", "event": NOT_JSON}),
    (NODE, "a right signature over what is no JSON", STRIPE, stripe(T, v1("{]")), "{]", {"signature": "ok", "event": NOT_JSON}),
    (NODE, "a thin event has id and type, and is accepted", STRIPE, stripe(T, v1(BODY[:-1] + ',"object":"v2.core.event"}')),
     BODY[:-1] + ',"object":"v2.core.event"}', {"signature": "ok", "event": "ok"}),
    (GO, "another api_version is the plugins' business", STRIPE, stripe(T, v1(BODY[:-1] + ',"api_version":"1999"}')),
     BODY[:-1] + ',"api_version":"1999"}', {"signature": "ok", "event": "ok"}),
    *[(WEBHOOKS, f"no {name}", STANDARD, without(standard(), name), BODY, {"signature": MISSING})
      for name in ("webhook-id", "webhook-timestamp", "webhook-signature")],
    (WEBHOOKS, "timestamp hello", STANDARD, standard(at="hello"), BODY, {"timestamp": "not one number of unix seconds"}),
    (WEBHOOKS, "signature v1,", STANDARD, standard("v1,"), BODY, {"signature": NONE}),
    (WEBHOOKS, "a signature of 8 characters", STANDARD, standard("v1," + standard_mac()[:8]), BODY, {"signature": NONE}),
    (WEBHOOKS, "wrong base64", STANDARD, standard("v1,*" + standard_mac()[1:]), BODY, {"signature": NONE}),
    (WEBHOOKS, "another signature", STANDARD, standard("v1," + standard_mac("{}")), BODY, {"signature": MISMATCH}),
    (WEBHOOKS, "another version", STANDARD, standard("v2," + standard_mac()), BODY, {"signature": NONE}),
    (WEBHOOKS, "the third of four is right", STANDARD,
     standard("v1," + standard_mac("1"), "v2," + standard_mac(), "v1," + standard_mac(), "v1," + standard_mac("2")), BODY, {"signature": "ok"}),
    (WEBHOOKS, "none of four is right", STANDARD, standard(*("v1," + standard_mac(n) for n in "1234")), BODY, {"signature": MISMATCH}),
    (WEBHOOKS, "5 minutes and a second old", STANDARD, standard(), BODY, {"signature": "ok", "timestamp": "5 minutes old"}, {"at": AT + 301}),
    (WEBHOOKS, "5 minutes and a second ahead", STANDARD, standard(), BODY, {"signature": "ok", "timestamp": "in the future"}, {"at": AT - 301}),
    (WEBHOOKS, "a secret with whsec_", STANDARD, standard(), BODY, {"signature": "ok", "timestamp": "ok"}),
    (WEBHOOKS, "a secret without whsec_", STANDARD, standard(), BODY, {"signature": "ok"}, {"secrets": [SECRET[6:]]}),
    (WEBHOOKS, "a secret without its padding", STANDARD, standard(), BODY, {"signature": "ok"}, {"secrets": [SECRET.rstrip("=")]}),
    (WEBHOOKS, "a secret without two signs of padding", STANDARD, standard("v1," + standard_mac(key=b"abcd")), BODY, {"signature": "ok"},
     {"secrets": ["whsec_YWJjZA"]}),
    (WEBHOOKS, "an empty body, which the library accepts and Grapnel does not", STANDARD, standard("v1," + standard_mac("")), "",
     {"signature": "ok", "event": NOT_JSON}),
    ("svix rust/src/webhooks.rs", "svix-* headers", STANDARD, standard(prefix="svix"), BODY, {"signature": "ok"}),
    ("svix rust/src/webhooks.rs", "both kinds alike", STANDARD, standard() + standard(prefix="svix"), BODY, {"signature": "ok"}),
    ("svix rust/src/webhooks.rs", "both kinds, webhook-* is read first", STANDARD, standard() + standard("v1,", prefix="svix"), BODY, {"signature": "ok"}),
    (OCTOKIT, "no signature", "github", github("")[1:], BODY, {"signature": MISSING}),
    (OCTOKIT, "foo", "github", github("foo"), BODY, {"signature": NONE}),
    (OCTOKIT, "a wrong secret", "github", github("sha256=" + hexadecimal("other", BODY)), BODY, {"signature": MISMATCH}),
    (OCTOKIT, "a payload that was written again", "github", github("sha256=" + hexadecimal(SECRET, json.dumps(json.loads(BODY)))), BODY,
     {"signature": "as Python's json.dumps writes it"}),
    (OCTOKIT, "the second of the secrets", "github", github("sha256=" + hexadecimal("old", BODY)), BODY, {"signature": "ok (by the 2nd of 2 secrets)"},
     {"secrets": [SECRET, "old"]}),
    (ADNANH, "wrong hex", "github", github("sha256=zz" + hexadecimal(SECRET, BODY)[2:]), BODY, {"signature": NONE}),
    (ADNANH, "a list with a bad first entry", "github", github("sha256=00,sha256=" + hexadecimal(SECRET, BODY)), BODY, {"signature": "ok"}),
    (CONVOY_TESTS, "no hex", CONVOY_HEX, convoy("zz" * 32), BODY, {"signature": NONE}),
    (CONVOY_TESTS, "no base64", CONVOY_BASE64, convoy("*" * 44), BODY, {"signature": NONE}),
    (CONVOY_TESTS, "white space alone", CONVOY_HEX, convoy("  \t "), BODY, {"signature": MISSING}),
    (CONVOY_TESTS, "another hash", CONVOY_HEX, convoy(hexadecimal(SECRET, "{}")), BODY, {"signature": MISMATCH}),
    (CONVOY_TESTS, "tampered", CONVOY, convoy(f"{T},{convoy_v1()}"), BODY + " ", {"signature": "without the white space at the body's end"}),
    (CONVOY_TESTS, "expired", CONVOY, convoy(f"{T},{convoy_v1()}"), BODY, {"signature": "ok", "timestamp": "3 days old"}, {"at": AT + 3 * 86400}),
    (CONVOY_TESTS, "t not first", CONVOY, convoy(f"{convoy_v1()},{T}"), BODY, {"signature": "ok", "timestamp": "ok"}),
    (CONVOY_TESTS, "one of several v1 is right", CONVOY, convoy(f"{T},{convoy_v1(secret='a')},{convoy_v1()}"), BODY, {"signature": "ok"}),
    (CONVOY_TESTS, "none of several v1 is right", CONVOY, convoy(f"{T},{convoy_v1(secret='a')},{convoy_v1(secret='b')}"), BODY, {"signature": MISMATCH}),
    (CONVOY_TESTS, "t=Infinity", CONVOY, convoy(f"t=Infinity,{convoy_v1()}"), BODY, {"timestamp": "not one number of unix seconds"}),
    (CONVOY_TESTS, "a signature of digits is no timestamp", CONVOY, convoy(f"v1={'1' * 64}"), BODY, {"signature": "holds no timestamp"}),
    (CONVOY_TESTS, "no t", CONVOY, convoy(convoy_v1()), BODY, {"signature": "holds no timestamp", "timestamp": "holds no timestamp"}),
    (VALIDATE, "no hmac", "shopify", shopify()[1:], BODY, {"signature": MISSING}),
    (VALIDATE, "no body", "shopify", shopify(), "", {"signature": MISMATCH, "event": NOT_JSON}),
    (VALIDATE, "a wrong hmac", "shopify", shopify("{}"), BODY, {"signature": MISMATCH}),
    (VALIDATE, "no X-Shopify-Webhook-Id", "shopify", without(shopify(), "X-Shopify-W"), BODY, {"signature": "ok", "event": "no header X-Shopify-Webhook-Id"}),
    (VALIDATE, "no X-Shopify-Topic", "shopify", without(shopify(), "X-Shopify-T"), BODY, {"signature": "ok", "event": "no header X-Shopify-Topic"}),
    (VALIDATE, "no shop domain nor API version, which Grapnel needs not", "shopify", shopify(), BODY, {"signature": "ok", "event": "ok"}),
    (VALIDATE, "a cookie's signature under the same key", "shopify", shopify("shopify_app_state=abc"), BODY, {"signature": MISMATCH}),
    (VERIFIER, "a changed body", "slack", slack(), BODY.replace("1", "2"), {"signature": MISMATCH}),
    (VERIFIER, "older than 5 minutes", "slack", slack(), BODY, {"signature": "ok", "timestamp": "5 minutes old"}, {"at": AT + 301}),
    (VERIFIER, "no body", "slack", slack(), "", {"signature": MISMATCH}),
    (VERIFIER, "no headers", "slack", [], BODY, {"signature": MISSING, "timestamp": MISSING}),
    (SQUARE_TESTS, "another URL", "square", square(url="https://example.com/webhook/"), BODY, {"signature": "a slash at the URL's end"}),
    (SQUARE_TESTS, "a wrong key", "square", square(secret="other"), BODY, {"signature": MISMATCH}),
    (SQUARE_TESTS, "a short signature", "square", [square()[0][:-8]], BODY, {"signature": NONE}),
    (SQUARE_TESTS, "a changed body", "square", square(), BODY.replace("1", "2"), {"signature": MISMATCH}),
    (SQUARE_TESTS, "a body that was formatted again", "square", square(), json.dumps(json.loads(BODY), indent=2), {"signature": "with the body's JSON minified"}),
    (PADDLE_TESTS, "a wrong secret", "paddle", paddle(f"ts={AT}", h1(PADDLE_BODY, secret="other")), PADDLE_BODY, {"signature": MISMATCH}),
    (PADDLE_TESTS, "a changed timestamp", "paddle", paddle(f"ts={AT + 1}", h1(PADDLE_BODY)), PADDLE_BODY, {"signature": MISMATCH}),
    (PADDLE_TESTS, "a body with more spaces", "paddle", paddle(f"ts={AT}", h1(PADDLE_BODY)), PADDLE_BODY.replace(":", ": "), {"signature": "with the body's JSON minified"}),
    (PADDLE_TESTS, "an h1 that is no hex", "paddle", paddle(f"ts={AT}", "h1=invalid"), PADDLE_BODY, {"signature": NONE}),
    (PADDLE_TESTS, "no ts", "paddle", paddle(h1(PADDLE_BODY)), PADDLE_BODY, {"signature": "holds no timestamp"}),
    (PADDLE_TESTS, "no h1", "paddle", paddle(f"ts={AT}"), PADDLE_BODY, {"signature": NONE}),
    (PADDLE_TESTS, "only h2", "paddle", paddle(f"ts={AT}", h1(PADDLE_BODY).replace("h1", "h2")), PADDLE_BODY, {"signature": NONE}),
    (PADDLE_TESTS, "5 s tolerance, 5 s later", "paddle", paddle(f"ts={AT}", h1(PADDLE_BODY)), PADDLE_BODY, {"signature": "ok", "timestamp": "ok"},
     {"at": AT + 5, "tolerance": "5s"}),
    (PADDLE_TESTS, "5 s tolerance, 6 s later", "paddle", paddle(f"ts={AT}", h1(PADDLE_BODY)), PADDLE_BODY, {"signature": "ok", "timestamp": "6 seconds old"},
     {"at": AT + 6, "tolerance": "5s"}),
    (PADDLE_TESTS, "two h1", "paddle", paddle(f"ts={AT}", h1(PADDLE_BODY, secret="other"), h1(PADDLE_BODY)), PADDLE_BODY, {"signature": "ok"}),
    (COINBASE, "a wrong secret", "coinbase-commerce", ["X-CC-Webhook-Signature: " + hexadecimal("other", COINBASE_BODY)], COINBASE_BODY, {"signature": MISMATCH}),
    (COINBASE, "a body that is no JSON", "coinbase-commerce", ["X-CC-Webhook-Signature: " + hexadecimal(SECRET, "invalid")], "invalid",
     {"signature": "ok", "event": NOT_JSON}),
    (COINBASE, "no event member", "coinbase-commerce", ["X-CC-Webhook-Signature: " + hexadecimal(SECRET, '{"id":1}')], '{"id":1}',
     {"signature": "ok", "event": "no value at /event/id"}),
    (CALLBACK, "no header", "cryptopay-callback", [], CALLBACK_BODY, {"signature": MISSING}),
    (CALLBACK, "another header", "cryptopay-callback", ["X-Signature: " + hexadecimal(SECRET, CALLBACK_BODY)], CALLBACK_BODY,
     {"signature": "the header X-Signature holds one that is right"}),
    (CALLBACK, "a wrong body", "cryptopay-callback", ["X-Cryptopay-Signature: " + hexadecimal(SECRET, BODY)], CALLBACK_BODY, {"signature": MISMATCH}),
    (CALLBACK, "an empty body", "cryptopay-callback", ["X-Cryptopay-Signature: " + hexadecimal(SECRET, "")], "", {"signature": "ok", "event": NOT_JSON}),
    (CALLBACK, "a body that is no JSON", "cryptopay-callback", ["X-Cryptopay-Signature: " + hexadecimal(SECRET, "no")], "no",
     {"signature": "ok", "event": NOT_JSON}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[1]}")
def test_negative_cases_come_out_as_decided(tmp_path, case):
    _, _, signature, headers, body, expected, *options = case
    options = dict(options[0]) if options else {}
    at = options.pop("at", AT)
    secrets = options.pop("secrets", [SECRET])
    write_config(tmp_path, signature, secrets, **options)
    steps, done = explain(tmp_path, headers, body, at=at)
    for step, part in expected.items():
        if part.startswith("ok"):
            assert steps[step] == part, done.stdout
        else:
            assert part in steps[step] and not is_ok(steps[step]), done.stdout
    refused = any(not part.startswith("ok") for part in expected.values())
    assert not refused or done.returncode == 1, done.stdout

    # No secret and no signature that would be right; these signatures are the right ones, or those that came.
    said = done.stdout + done.stderr
    for secret in secrets:
        assert secret not in said and (len(secret) < 12 or secret.removeprefix("whsec_") not in said), said
        raw = body if isinstance(body, bytes) else body.encode()
        for text in (raw, b"%d." % AT + raw, b"%d:" % AT + raw, b"%d," % AT + raw, b"v0:%d:" % AT + raw, b"msg_1.%d." % AT + raw):
            for key in (secret.encode(), STANDARD_KEY):
                assert hexadecimal(key, text) not in said and in_base64(key, text)[:40] not in said, said


# The daemon has no --at: these sign no time.
UNTIMED = [case for case in CASES if case[2] in ("github", "shopify", "square", "coinbase-commerce", "cryptopay-callback", CONVOY_HEX, CONVOY_BASE64)]


def test_the_daemon_decides_alike(tmp_path):
    """What explain calls ok is answered 200, and what it refuses is not."""
    assert len(UNTIMED) > 25
    sources = {}
    for number, case in enumerate(UNTIMED):
        options = case[6] if len(case) > 6 else {}
        sources[f"case{number}"] = {"path": f"/{number}", "signature": case[2], "secrets": options.get("secrets", [SECRET])}
        if case[2] == "square":
            sources[f"case{number}"]["url"] = "https://example.com/webhook"
        if not isinstance(case[2], str):
            sources[f"case{number}"]["event"] = {"id": "/id", "type": "/type"}
    with Daemon(tmp_path, f"sources: {json.dumps(sources)}\nplugins: {{ logging: {{ settings: {{ path: e.jsonl }} }} }}\nroutes: {{ '*': [ logging ] }}\n") as daemon:
        host, port = daemon.addresses[0].split(":")
        for number, case in enumerate(UNTIMED):
            steps, _ = explain(tmp_path, case[3], case[4], source=f"case{number}")
            connection = http.client.HTTPConnection(host, int(port), timeout=60)
            body = case[4] if isinstance(case[4], bytes) else case[4].encode()
            connection.putrequest("POST", f"/{number}")
            for line in ["Content-Type: application/json", f"Content-Length: {len(body)}", *case[3]]:
                connection.putheader(*line.split(": ", 1))
            connection.endheaders(body)
            answer = connection.getresponse()
            accepted = is_ok(steps["signature"]) and is_ok(steps["event"])
            assert (answer.status == 200) == accepted, (case[:2], answer.status, answer.read(), steps)
            connection.close()


# What no source may be like: the config is refused, and nothing is explained.
CONFIG_CASES = [
    (NODE, "an empty secret (since stripe-node#2841)", {"signature": STRIPE, "secrets": [""]}, "the secret is empty"),
    (NODE, "a tolerance of 0, which the library takes for none", {"signature": STRIPE, "secrets": [SECRET], "tolerance": "0s"}, '"tolerance" must be from 1s'),
    (WEBHOOKS, "an empty secret", {"signature": STANDARD, "secrets": [""]}, "the secret is empty"),
    (WEBHOOKS, "whsec_ alone", {"signature": STANDARD, "secrets": ["whsec_"]}, "the secret is empty"),
    (WEBHOOKS, "a secret that is no base64", {"signature": STANDARD, "secrets": ["not_base64!"]}, "the secret is not base64"),
    (OCTOKIT, "no secret", {"signature": "github", "secrets": []}, "secrets are expected"),
    (ADNANH, "an empty secret", {"signature": "github", "secrets": [""]}, "the secret is empty"),
    (VERIFIER, "an empty secret", {"signature": "slack", "secrets": [""]}, "the secret is empty"),
    (SQUARE_TESTS, "an empty key", {"signature": "square", "secrets": [""]}, "the secret is empty"),
    (SQUARE_TESTS, "an empty URL", {"signature": "square", "secrets": [SECRET], "url": ""}, '"url" is empty'),
]


@pytest.mark.parametrize("case", CONFIG_CASES, ids=lambda case: f"{case[0]}: {case[1]}")
def test_sources_that_could_not_be_safe_are_refused(tmp_path, case):
    write_config(tmp_path, **case[2])
    steps, done = explain(tmp_path, [], BODY)
    assert steps == {} and done.returncode == 1
    assert case[3] in done.stderr and SECRET not in done.stderr, done.stderr


# ---- the other steps ----

GOOD = stripe(T, v1())
JSON_TYPE = "Content-Type: application/json"


@pytest.fixture
def shop(tmp_path):
    write_config(tmp_path, STRIPE, [SECRET])
    return tmp_path


def test_all_steps_are_ok(shop):
    steps, done = explain(shop, GOOD + [JSON_TYPE], BODY, "--url", "https://shop.example/hook?a=b")
    assert steps == {**dict.fromkeys(STEPS, "ok"), "route": "ok (first by payment.*, it/*.succeeded; second by it/*.succeeded)"}
    assert done.returncode == 0 and done.stderr == ""


def test_what_was_not_given_is_skipped(shop):
    steps, done = explain(shop, GOOD, BODY)
    assert steps["path"].startswith("skipped (") and steps["content-type"].startswith("skipped (")
    assert done.returncode == 0


@pytest.mark.parametrize(("url", "reason"), [
    ("https://shop.example/hook/", "/hook/ is not the path of \"it\", which is /hook; no source has it"),
    ("/other", "/other is not the path of \"it\", which is /hook; it is that of the source \"other\""),
    ("https://shop.example", "/ is not the path"),
    ("https://shop.example?/hook", "/ is not the path"),
    ("/HOOK", "/HOOK is not the path"),
])
def test_path(shop, url, reason):
    steps, done = explain(shop, GOOD, BODY, "--url", url)
    assert reason in steps["path"] and done.returncode == 1


@pytest.mark.parametrize(("headers", "reason"), [
    (["content-type: application/cloudevents+json; charset=utf-8"], None),
    ([JSON_TYPE, JSON_TYPE], "stands more than once"),
    (["Content-Type: text/plain"], 'the content type is "text/plain"'),
    (["Content-Type: application/x-www-form-urlencoded"], "choose JSON at the sender"),
])
def test_content_type(shop, headers, reason):
    steps, _ = explain(shop, GOOD + headers, BODY)
    assert steps["content-type"] == "ok" if reason is None else reason in steps["content-type"]


def test_size(shop):
    body = json.dumps({"id": "1", "type": "a.succeeded", "long": "x" * 1024 * 1024})
    steps, done = explain(shop, stripe(T, v1(body)), body)
    assert steps["size"] == f"a body of {len(body)} bytes is over `limits: body` of 1MiB"
    assert (steps["signature"], steps["event"], done.returncode) == ("ok", "ok", 1)


def test_event_and_route(shop):
    steps, done = explain(shop, [], '{"data":{"id":"1"},"type":"a.succeeded"}')
    assert steps["event"] == "event id: no value at /id; is it /data/id?" and steps["route"].startswith("skipped (")
    steps, done = explain(shop, stripe(T, v1('{"id":7,"type":"refund"}')), '{"id":7,"type":"refund"}')
    assert steps["event"] == "ok" and done.returncode == 1
    assert steps["route"] == "unrouted: no route matches the type refund, so that it would be kept and delivered to none"
    steps, _ = explain(shop, [], '{"id":"1","id":"2","type":"a"}')
    assert steps["event"] == "event id: the key of /id stands twice"


def test_a_challenge_is_no_event(tmp_path):
    write_config(tmp_path, "slack", [SECRET])
    body = '{"type":"url_verification","challenge":"abc"}'
    steps, done = explain(tmp_path, slack(body), body)
    assert steps["event"] == "ok (no event, but a challenge, which is answered)"
    assert steps["route"].startswith("skipped (") and done.returncode == 0


def test_control_bytes_do_not_reach_the_terminal(shop):
    steps, done = explain(shop, GOOD + ["Content-Type: \x1b[31mred", "X-\x1b[2J: a"], BODY, "--url", "/\x1b[2J")
    assert "\x1b" not in done.stdout and "\\x1b[31mred" in steps["content-type"]


def test_json(shop):
    _, done = explain(shop, GOOD, BODY, "--json")
    rows = json.loads(done.stdout)
    assert [row["step"] for row in rows] == STEPS
    assert {row["step"]: row["result"] for row in rows if row["result"] != "ok"} == {"path": "skipped", "content-type": "skipped"}
    _, done = explain(shop, [], "\u20ac\"", "--json")
    rows = {row["step"]: row for row in json.loads(done.stdout)}
    assert rows["signature"]["result"] == "refused" and MISSING in rows["signature"]["text"]


def test_the_time_is_now_without_at(shop):
    steps, done = explain(shop, GOOD, BODY, at=None)
    assert steps["signature"] == "ok" and steps["timestamp"].endswith("(--at judges a request as of another time)")


def test_at_takes_the_times_that_grapnel_prints(shop):
    for at in ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20Z", str(AT)):
        steps, _ = explain(shop, GOOD, BODY, at=at)
        assert steps["timestamp"] == explain(shop, GOOD, BODY, at=AT)[0]["timestamp"]


@pytest.mark.parametrize(("arguments", "reason"), [
    (["--source", "it"], "say with --body"),
    (["--body", "/dev/null"], "say with --source which one is meant: it, other"),
    (["--source", "ti", "--body", "/dev/null"], 'no source "ti"'),
    (["--source", "it", "--body", "/dev/null", "--header", "no colon"], "--header is 'Name: value'"),
    (["--source", "it", "--body", "/dev/null", "--header", "a b: c"], "--header is 'Name: value'"),
    (["--source", "it", "--body", "/dev/null", "--at", "yesterday"], "--at takes unix seconds"),
    (["--source", "it", "--body", "/dev/null", "--url", "shop.example/hook"], "--url takes a whole URL"),
    (["--source", "it", "--body", "/dev/null", "--hedaer", "a: b"], "did you mean --header?"),
    (["--source", "it", "--body", "/dev/null", *["--header", "a: b"] * 129], "--header is given more than 128 times"),
])
def test_wrong_usage(shop, arguments, reason):
    done = run(GRAPNEL, "explain", "-c", shop / "grapnel.yaml", *arguments)
    assert done.returncode == 2 and reason in done.stderr and "grapnel help explain" in done.stderr, done.stderr


def test_options_before_the_command(shop):
    done = run(GRAPNEL, "-c", shop / "grapnel.yaml", "explain")
    assert done.returncode == 2 and "grapnel explain -c …" in done.stderr


def test_help():
    done = run(GRAPNEL, "help", "explain")
    assert done.returncode == 0 and all(f"--{option}" in done.stdout for option in ("source", "header", "body", "at", "url", "json"))


def test_a_large_body_is_judged_in_bounded_time(shop):
    """Each mistake alone over 1 MiB, not every pair; the harness ends what hangs."""
    body = json.dumps({"id": "1", "type": "a.succeeded", "long": "\u20ac/<" * 150000})
    steps, _ = explain(shop, stripe(T, v1(json.dumps(json.loads(body), indent=4))), body)
    assert "pretty-printed by Python (indent=4)" in steps["signature"]
