"""Every config mistake that the manual names gives its own line, file:line:column, on stderr; exit 1; nothing is started."""

import os
import subprocess

import pytest

from grapnel_test import GRAPNEL, PLUGINS, SLOWNESS, TEST_PLUGINS

# Line 1 of each file; FOLDER in what follows and in what is expected is the test's own.
HEAD = f"plugin_path: [ {PLUGINS}, {TEST_PLUGINS}, FOLDER/mine ]\n"
SOURCE = "sources: { shop: { path: /shop, signature: stripe, secrets: x } }\n"
LOGGING = "plugins: { logging: { settings: { path: events.log } } }\n"
GOOD = SOURCE + LOGGING + 'routes: { "*": logging }\n'


def settings(text):
    return SOURCE + f'plugins:\n  all:\n    file: settings_all.so\n    settings: {{ {text} }}\nroutes: {{ "*": all }}\n'


MISTAKES = {
    "unknown key": (GOOD + "limts: {}\n", ['grapnel.yaml:5:1: unknown key "limts"; did you mean "limits"?']),
    "unknown key inside": (
        GOOD + "limits: { bdy: 1MiB }\n",
        ['grapnel.yaml:5:11: limits: unknown key "bdy"; did you mean "body"?'],
    ),
    "wrong type: duration": (
        SOURCE + "plugins: { logging: { deadline: 30 } }\n",
        ['grapnel.yaml:3:33: plugin "logging": "deadline" must be a duration like 500ms, 10s, 5m, 6h or 30d, not "30"'],
    ),
    "wrong type: size": (
        GOOD + "limits: { body: 1MB }\n",
        ['grapnel.yaml:5:17: limits: "body" must be a size like 512, 64KiB or 1MiB, not "1MB"'],
    ),
    "wrong type: number": (
        SOURCE + "plugins: { logging: { workers: two } }\n",
        ['grapnel.yaml:3:32: plugin "logging": "workers" must be a whole number, not "two"'],
    ),
    "wrong type: list": (
        SOURCE + "plugins: [ logging ]\n",
        ['grapnel.yaml:3:10: "plugins" must be a map of names, not a list'],
    ),
    "out of range": (
        SOURCE + "plugins: { logging: { workers: 0 } }\n",
        ['grapnel.yaml:3:32: plugin "logging": "workers" must be from 1 to 64, not 0'],
    ),
    "duplicate key": (
        GOOD + "log: { level: info }\nlog: { level: warn }\n",
        ['grapnel.yaml:6:1: duplicate key "log": it is in line 5 already; remove one of them'],
    ),
    "anchor": (
        GOOD + "state: &here x\n",
        ["grapnel.yaml:5:8: anchors (&…) are not supported; write the value out where it is needed, or put a text "
            "that begins with & in quotes"],
    ),
    "alias": (
        GOOD + "state: *there\n",
        [
            "grapnel.yaml:5:8: aliases (*…) are not supported; write the value out, or put a text that begins with * in quotes"
        ],
    ),
    "tag": (
        GOOD + "state: !path x\n",
        [
            "grapnel.yaml:5:8: tags (!…) are not supported, as every value is a text until Grapnel gives it a type; put a "
            "text that begins with ! in quotes"
        ],
    ),
    "second document": (
        GOOD + "---\nstate: x\n",
        ["grapnel.yaml:5:1: a second document begins here; a config file has only one"],
    ),
    "star without quotes": (
        SOURCE + LOGGING + "routes:\n  *: [ logging ]\n",
        ['grapnel.yaml:5:3: a text that begins with * must be in quotes, as * alone begins an alias: "*"'],
    ),
    "route to an unknown plugin": (
        SOURCE + LOGGING + "routes:\n  order.*: [ loging ]\n",
        ['grapnel.yaml:5:14: route "order.*": unknown plugin "loging"; did you mean "logging"?'],
    ),
    "route of an unknown source": (
        SOURCE + LOGGING + "routes:\n  shp/order.*: [ logging ]\n",
        ['grapnel.yaml:5:3: route "shp/order.*": "shp", before the slash, is no source; did you mean "shop"?'],
    ),
    "missing file: plugin": (
        SOURCE + "plugins: { email: { file: nowhere.so } }\n",
        [f'grapnel.yaml:3:27: plugin "email": there is no file nowhere.so in {PLUGINS}, {TEST_PLUGINS}, FOLDER/mine'],
    ),
    "missing file: secret": (
        "sources: { shop: { path: /shop, signature: stripe, secrets: [ { file: shop.secret } ] } }\n",
        [
            'grapnel.yaml:2:71: source "shop": "secrets": the file FOLDER/shop.secret can\'t be read: '
            "No such file or directory"
        ],
    ),
    "variable that is not set": (
        "sources: { shop: { path: /shop, signature: stripe, secrets: [ { env: GRAPNEL_UNSET } ] } }\n",
        ['grapnel.yaml:2:70: source "shop": "secrets": the environment variable GRAPNEL_UNSET is not set'],
    ),
    "empty secret": (
        "sources: { shop: { path: /shop, signature: stripe, secrets: [ { env: GRAPNEL_EMPTY } ] } }\n",
        ['grapnel.yaml:2:63: source "shop": the secret is empty: anyone could sign with it'],
    ),
    "unknown preset": (
        "sources: { shop: { path: /shop, signature: cryptopy, secrets: x } }\n",
        ['grapnel.yaml:2:44: source "shop": unknown signature preset "cryptopy"; did you mean "cryptopay"?'],
    ),
    "timestamp that is not signed": (
        'sources: { shop: { path: /shop, secrets: x, event: { id: /id, type: /type },\n'
        '  signature: { header: X-Sig, items: [ "t={timestamp}", "v1={hex}" ], signed: "{body}" } } }\n',
        [
            'grapnel.yaml:3:3: source "shop": signature: signed: {timestamp} is not in it, so that anyone could change '
            "the time"
        ],
    ),
    "certificates": (
        "listen: [ { address: 127.0.0.1:0, key: key.pem }, { address: 127.0.0.1:0, certificate: [ a, b, c ] } ]\n",
        [
            'grapnel.yaml:2:35: listen: "key" without "certificate": name the certificate that it belongs to',
            'grapnel.yaml:2:88: listen: "certificate" names 3 files; one address has at most two certificates, RSA and ECDSA. What belongs to '
            "one chain stands in one file",
        ],
    ),
    "addresses and rate": (
        "sources: { shop: { path: /shop, signature: stripe, secrets: x,\n"
        "  allow: [ 10.0.0.0/8, 10.1.2.3/8 ],\n  trust_proxy: [ proxy.example ],\n  rate: { per_second: 0 } } }\n",
        [
            'grapnel.yaml:3:24: source "shop": "allow": "10.1.2.3/8" has bits set behind its prefix; write 10.0.0.0/8, or 10.1.2.3 for '
            "that address alone",
            'grapnel.yaml:4:18: source "shop": "trust_proxy": "proxy.example" is no address; names are not looked up, write the addresses '
            "that they stand for",
            'grapnel.yaml:5:23: source "shop": rate: "per_second" must be from 0.001 to 1000000, not 0',
        ],
    ),
    "setting: unknown": (
        settings("out: x, secrt: y"),
        ['grapnel.yaml:6:25: plugin "all": unknown setting "secrt"; did you mean "secret"?'],
    ),
    "setting: missing": (
        settings("text: x"),
        ['grapnel.yaml:4:3: plugin "all": the setting "out" is missing (Where to write what was seen)'],
    ),
    "setting: wrong type": (
        settings("out: x, integer: many, list: one"),
        [
            'grapnel.yaml:6:34: plugin "all": "integer" must be a whole number, not "many"',
            'grapnel.yaml:6:46: plugin "all": "list" must be a list or a map, not a text',
        ],
    ),
    "all in one run": (
        "sources: { shop: { path: shop, signature: stripe, secrets: x } }\nplugins: { gone: }\nroutes: { a: nobody }\nstat: x\n",
        [
            'grapnel.yaml:2:26: source "shop": the path "shop" must begin with a slash: "/shop"',
            f'grapnel.yaml:3:12: plugin "gone": there is no file gone.so in {PLUGINS}, {TEST_PLUGINS}, FOLDER/mine',
            'grapnel.yaml:4:14: route "a": unknown plugin "nobody"; the plugins are gone',
            'grapnel.yaml:5:1: unknown key "stat"; did you mean "state"?',
        ],
    ),
}


def run(command, folder, config):
    """Exit code, and the lines on stderr: mistakes, and warnings."""
    (folder / "grapnel.yaml").write_text((HEAD + config).replace("FOLDER", str(folder)))
    environment = {**os.environ, "GRAPNEL_EMPTY": ""}
    environment.pop("GRAPNEL_UNSET", None)
    done = subprocess.run(
        [GRAPNEL, command, "-c", "grapnel.yaml"],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60 * SLOWNESS,
    )
    said = done.stderr.splitlines()
    return (
        done.returncode,
        [line for line in said if ": warning: " not in line],
        [line.replace(" warning:", "", 1) for line in said if ": warning: " in line],
    )


# A plugin elsewhere than in the build is looked for in the installed folder too, which then stands behind the others.
def without_installed(line):
    return line.split("/mine, ")[0] + "/mine" if "/mine, " in line else line


@pytest.mark.parametrize("name", MISTAKES)
def test_check_tells(name, tmp_path):
    config, expected = MISTAKES[name]
    code, mistakes, _ = run("check", tmp_path, config)
    assert [without_installed(line) for line in mistakes] == [line.replace("FOLDER", str(tmp_path)) for line in expected]
    assert code == 1


def test_serve_tells_and_starts_nothing(tmp_path):
    config, expected = MISTAKES["all in one run"]
    code, mistakes, _ = run("serve", tmp_path, config)
    assert [without_installed(line) for line in mistakes] == [line.replace("FOLDER", str(tmp_path)) for line in expected]
    assert code == 1
    assert not (tmp_path / "state").exists()


def test_a_good_file_passes(tmp_path):
    code, mistakes, warnings = run("check", tmp_path, GOOD)
    assert (code, mistakes, warnings) == (0, [], [])
    assert not (tmp_path / "state").exists()


def test_a_state_folder_that_can_not_be_used(tmp_path):
    config = GOOD + "state: ./not/there\n"
    expected = (
        f"{tmp_path}/not/there: the state folder can't be made: its parent folder does not exist: make that first, or "
        "correct `state:`"
    )
    assert run("check", tmp_path, config) == (1, [expected], [])
    code, said, _ = run("serve", tmp_path, config)
    assert code == 1 and said[-1].endswith(" error " + expected)


def test_what_is_taken_as_something_else_is_a_warning(tmp_path):
    config = GOOD + "log:\nretain: { ids: 3d }\nlimits: { connections: 9, body: 2MiB }\n"
    code, mistakes, warnings = run("check", tmp_path, config)
    assert (code, mistakes) == (0, [])
    assert warnings == [
        'grapnel.yaml:6:16: retain: "ids" (3d) is shorter than "events" (7d), and is taken as 7d: an event that is kept is '
        "known by its id",
    ]


def test_no_plugins_and_no_routes_are_a_warning(tmp_path):
    code, mistakes, warnings = run("check", tmp_path, SOURCE)
    assert (code, mistakes) == (0, [])
    assert warnings == [
        "grapnel.yaml:1:1: no plugins: events are verified and kept, and delivered to none",
        "grapnel.yaml:1:1: no routes: events are verified and kept, and delivered to none",
    ]


def test_a_config_file_that_is_not_there(tmp_path):
    done = subprocess.run([GRAPNEL, "check", "-c", "none.yaml"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "none.yaml: the config file can't be read: No such file or directory; name the one that is meant with -c FILE\n"
    )


def test_no_config_file_anywhere(tmp_path):
    if os.path.exists("/etc/grapnel/grapnel.yaml"):
        pytest.skip("there is one in /etc")
    environment = {name: value for name, value in os.environ.items() if name != "GRAPNEL_CONFIG"}
    done = subprocess.run([GRAPNEL, "serve"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "grapnel serve: no config file: there is no ./grapnel.yaml and no /etc/grapnel/grapnel.yaml, and $GRAPNEL_CONFIG is not set; "
        "name one with -c FILE, or begin with a copy of examples/grapnel.yaml\n"
    )
