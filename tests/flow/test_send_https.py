"""`grapnel send` to https:// addresses: whom it trusts, and which address it takes when none is named."""

import os

import pytest

from grapnel_test import GRAPNEL, run
from receiver import Answer, Receiver, authority, certificate, free_port

CONFIG = "sources: { shop: { path: /webhook, signature: cryptopay, secrets: [ whsec_of_the_shop ] } }\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    authority(folder)
    authority(folder, "other")
    certificate(folder, "IP:127.0.0.1")
    certificate(folder, "DNS:elsewhere.example", name="elsewhere")
    return folder


@pytest.fixture
def send(tmp_path):
    (tmp_path / "grapnel.yaml").write_text(CONFIG)

    def send(*arguments, **environment):
        clean = {name: value for name, value in os.environ.items() if name not in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "GRAPNEL_CONFIG")}
        return run(GRAPNEL, "send", "-c", tmp_path / "grapnel.yaml", *arguments, env={**clean, **environment})

    return send


def receiver(keys, name="server"):
    return Receiver(lambda *_: Answer(200, body=b'{"received":true}'), certificate=keys / f"{name}.pem")


def test_an_authority_of_ones_own(keys, send):
    ca, other = str(keys / "ca.pem"), str(keys / "other.pem")
    with receiver(keys) as server:
        url = server.url("/webhook")
        for arguments, environment in [
            (["--cacert", ca], {}),
            (["--cacert", ca], {"SSL_CERT_FILE": other, "CURL_CA_BUNDLE": other}),
            ([], {"SSL_CERT_FILE": ca}),
            ([], {"SSL_CERT_FILE": ca, "CURL_CA_BUNDLE": ""}),
            ([], {"SSL_CERT_FILE": other, "CURL_CA_BUNDLE": ca}),
        ]:
            done = send("--url", url, *arguments, **environment)
            assert done.returncode == 0 and done.stdout.startswith('200 {"received":true}  id '), done
        for arguments, environment in [([], {}), (["--cacert", other], {"SSL_CERT_FILE": ca}), ([], {"SSL_CERT_FILE": other})]:
            done = send("--url", url, *arguments, **environment)
            assert done.returncode == 1 and done.stdout == "", done
            assert f"{url}: SSL certificate problem: " in done.stderr, done.stderr
            assert "; for an authority of your own say --cacert FILE, and use a name that the certificate has" in done.stderr
        assert len(server.requests) == 5


def test_a_name_that_the_certificate_has_not(keys, send):
    with receiver(keys, "elsewhere") as server:
        done = send("--url", server.url("/webhook"), "--cacert", keys / "ca.pem")
        assert done.returncode == 1 and "no alternative certificate subject name matches" in done.stderr, done.stderr
        assert not server.requests


def test_a_file_that_holds_none(keys, send, tmp_path):
    with receiver(keys) as server:
        for name in ("missing.pem", "grapnel.yaml"):
            done = send("--url", server.url("/webhook"), "--cacert", tmp_path / name)
            assert done.returncode == 1 and f"{tmp_path}/{name}" in done.stderr, done.stderr


@pytest.mark.parametrize("listen, wanted", [
    ("{ address: '127.0.0.1:TLS', certificate: c }, 127.0.0.1:PLAIN", "http://127.0.0.1:PLAIN/webhook"),
    ("{ address: ':TLS', certificate: c }, { address: '127.0.0.1:PLAIN', certificate: c }", "https://127.0.0.1:TLS/webhook"),
    ("{ address: '[::]:TLS', certificate: c }", "https://[::1]:TLS/webhook"),
])
def test_where_to_by_default(send, tmp_path, listen, wanted):
    """Nobody listens there; the message names it."""
    ports = {"TLS": str(free_port()), "PLAIN": str(free_port())}
    for name, port in ports.items():
        listen, wanted = listen.replace(name, port), wanted.replace(name, port)
    (tmp_path / "grapnel.yaml").write_text(f"listen: [ {listen} ]\n{CONFIG}")
    done = send()
    assert done.returncode == 1 and f"grapnel send: {wanted}: Couldn't connect to server" in done.stderr, done
