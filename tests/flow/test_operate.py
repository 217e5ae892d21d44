"""The queue as people operate it: events become dead letters, are looked at, retried, replayed, discarded; by the commands of a real daemon."""

import contextlib
import json
import os
import re
import subprocess
import time

from commands_test import CONFIG, begun, daemon, dead_ids, grapnel, grapnel_json, send, state, steer, until_dead
from grapnel_test import GRAPNEL, Daemon, event, run, wait_for
from operate_test import flood


# ---- from an event to a dead letter and back ----


def test_a_letter_dies_is_retried_in_vain_and_is_delivered_after_the_fix(daemon):
    steer(daemon, "retry")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    first_line, letter = grapnel(daemon, "dead").splitlines()
    assert first_line.split() == ["DIED", "(UTC)", "PLUGIN", "EVENT", "ATTEMPTS", "REASON", "ERROR"]
    assert letter.split()[2:] == ["steered", "cryptopay/evt_1", "3", "attempts", "steered", "to", "retry"]
    assert state(daemon, "evt_1") == "dead"

    assert grapnel(daemon, "retry", "--plugin", "steered", "cryptopay/evt_1") == (
        "steered: cryptopay/evt_1 is delivered again, with fresh attempts\n")
    wait_for(lambda: len(begun(daemon)) == 6, "three more attempts")
    until_dead(daemon, "evt_1")

    steer(daemon, "ok")
    grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1")
    wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")
    assert grapnel(daemon, "dead") == "There are no dead letters.\n"
    calls = begun(daemon)
    assert [int(attempt) for _, attempt, _ in calls] == [1, 2, 3, 1, 2, 3, 1]
    assert len({key for _, _, key in calls}) == 1
    assert "is not dead" in grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1", code=1)


def test_show_tells_the_whole_story(daemon):
    steer(daemon, "retry")
    send(daemon, "evt_1", amount=7)
    until_dead(daemon, "evt_1")
    steer(daemon, "ok")
    grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1")
    wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")
    grapnel(daemon, "replay", "cryptopay/evt_1", "--plugin", "steered")
    wait_for(lambda: len(begun(daemon)) == 5 and state(daemon, "evt_1") == "done", "the replay")
    story = grapnel(daemon, "show", "cryptopay/evt_1")
    head, steered, logging = re.split(r"\n\n(?=steered|logging)", story) if "\n\nsteered" in story else [story, "", ""]
    if logging.startswith("steered"):
        steered, logging = logging, steered
    assert head.startswith("cryptopay/evt_1\n  type      payment.succeeded\n  state     done\n  received  20")
    assert "verified  by secret 1 of cryptopay" in head and "content-type: application/json" in head
    assert re.match(r"steered: done, key [0-9a-f]{32}~1\n", steered)
    told = [re.sub(r"\d\d-\d\d \d\d:\d\d:\d\d|<?\d[\d.]*m?s\b", "", line).split() for line in steered.splitlines()[2:]]
    assert told == [
        ["1", "retry", "steered", "to", "retry"],
        ["2", "retry", "steered", "to", "retry"],
        ["3", "retry", "steered", "to", "retry"],
        ["3", "dead", "given", "up:", "a", "dead", "letter"],
        ["retried", "put", "back", "by", "`grapnel", "retry`"],
        ["1", "done", "delivered"],
        ["replayed", "once", "more,", "by", "`grapnel", "replay`"],
        ["1", "done", "delivered"],
    ]
    assert "1        done" in logging and "logging: done, key" in logging


def test_attempts_that_were_not_kept_are_counted(tmp_path):
    with Daemon(tmp_path, CONFIG.replace("attempts: 3", "attempts: 15")) as daemon:
        steer(daemon, "retry")
        send(daemon, "evt_1")
        until_dead(daemon, "evt_1")
        assert "… 5 attempts not kept …" in grapnel(daemon, "show", "cryptopay/evt_1")


def test_the_body_byte_for_byte(daemon):
    body = event("evt_1", text="ä\x1b\n").replace(b'"data"', b'  "data"') + b"\n"
    with contextlib.closing(daemon.sender()) as sender:
        sender.accepted(body)
    shown = subprocess.run([GRAPNEL, "show", "--body", "cryptopay/evt_1", "-c", daemon.config], capture_output=True, check=True)
    assert shown.stdout == body


def test_strange_ids(daemon):
    ids = ["a/b/../c", "ä ?&=%25#+", "\"\\", "-x", "." * 3, "x" * 500]
    steer(daemon, "fail")
    send(daemon, *ids)
    until_dead(daemon, *ids)
    table = grapnel(daemon, "dead")
    for id in ids:
        assert f"cryptopay/{id} " in table
        assert grapnel_json(daemon, "show", f"cryptopay/{id}")["id"] == id
        assert grapnel(daemon, "show", f"cryptopay/{id}").startswith(f"cryptopay/{id}\n")
        grapnel(daemon, "discard", "-p", "steered", f"cryptopay/{id}")
    assert dead_ids(daemon) == set()


# ---- lists ----


def test_events_are_listed_and_filtered(daemon):
    steer(daemon, "ok\nevt_bad fail")
    send(daemon, "evt_1", "evt_bad", "evt_2")
    with contextlib.closing(daemon.sender()) as sender:
        sender.accepted(event("evt_other", type="refund.made"))
    daemon.drained()

    def listed(*options):
        return [row["id"] for row in grapnel_json(daemon, "events", *options)]

    assert listed() == ["evt_other", "evt_2", "evt_bad", "evt_1"]
    assert listed("--state", "dead") == ["evt_bad"] and listed("--state", "unrouted") == ["evt_other"]
    assert listed("--type", "refund.*") == ["evt_other"] and listed("--state", "done") == ["evt_2", "evt_1"]
    assert listed("--since", "1h", "--source", "cryptopay") == listed()
    assert listed("--since", str(int(time.time()) + 3600)) == []
    assert "There are no such events." in grapnel(daemon, "events", "--type", "nothing")
    table = grapnel(daemon, "events").splitlines()
    assert table[0].split() == ["RECEIVED", "(UTC)", "EVENT", "TYPE", "STATE", "DELIVERIES"]
    assert table[3].endswith("dead      steered dead, logging done") or table[3].endswith("dead      logging done, steered dead")
    assert table[1].split()[2:] == ["cryptopay/evt_other", "refund.made", "unrouted"]


def test_pages_are_followed_until_the_limit(daemon):
    steer(daemon, "fail")
    ids = [f"evt_{i:03}" for i in range(230)]
    flood(daemon, ids, connections=1)
    wait_for(lambda: len(dead_ids(daemon)) == 230, "all to be dead")
    for command in ("events", "dead"):
        done = run(GRAPNEL, command, "--json", "-c", daemon.config)
        assert len(json.loads(done.stdout)) == 50
        found, cursor = json.loads(done.stdout), re.search(r"go on behind these with --cursor (\S+)", done.stderr).group(1)
        rest = run(GRAPNEL, command, "--json", "-n", "1000", "--cursor", cursor, "-c", daemon.config)
        found += json.loads(rest.stdout)
        assert [row["id"] for row in found] == ids[::-1] and rest.stderr == ""
        assert len(grapnel(daemon, command, "--limit", "120").splitlines()) == 121


# ---- status ----


def test_status_on_one_page(daemon):
    steer(daemon, "retry 3600000\nevt_bad fail")
    send(daemon, "evt_1", "evt_bad")
    wait_for(lambda: len(begun(daemon)) == 2 and dead_ids(daemon), "the attempts")
    wait_for(lambda: re.search(r"^logging +1/1 +0 ", grapnel(daemon, "status"), re.M), "the other plugin")
    page = grapnel(daemon, "status")
    assert re.search(rf"grapnel +\S+, pid {daemon.process.pid}, since 20\S+ \S+ UTC", page)
    assert f"listening  {daemon.addresses[0]}\n" in page and "intake     open\n" in page
    assert re.search(r"store +\S+/state\S*: .*, 2 events, the oldest of 20", page)
    rows = {row.split()[0]: row.split() for row in page.splitlines() if row.startswith(("steered ", "logging ", "PLUGIN"))}
    assert rows["PLUGIN"] == ["PLUGIN", "WORKERS", "PENDING", "RETRYING", "DEAD", "BREAKER"]
    assert rows["steered"] == ["steered", "1/1", "0", "1", "1", "closed"]
    assert rows["logging"] == ["logging", "1/1", "0", "0", "0", "closed"]
    assert "1 dead letter: `grapnel dead` tells why; `grapnel retry --plugin steered --all` delivers it again." in page
    assert grapnel_json(daemon, "status")["pid"] == daemon.process.pid
    assert re.search(r"steered retrying in (59m|1h)", grapnel(daemon, "events"))


def test_an_open_breaker_says_why_and_until_when(daemon):
    steer(daemon, "busy 3600000")
    send(daemon, "evt_1")
    wait_for(lambda: "open, probe in" in grapnel(daemon, "status"), "the breaker to open")
    page = grapnel(daemon, "status")
    assert re.search(r"steered +1/1 +1 +0 +0 +open, probe in (59m\d*s?|1h)\n", page)
    assert re.search(r"^steered: .*steered to be busy", page, re.M)
    shown = grapnel(daemon, "show", "cryptopay/evt_1")
    assert re.search(r"^steered: pending.*\n  waits: breaker open, probe in (59m\d*s?|1h): .*steered to be busy\n", shown, re.M), shown
    assert shown.count("waits:") == 1 and "waits:" not in grapnel(daemon, "events")
    send(daemon, "evt_2")
    shown = grapnel(daemon, "show", "cryptopay/evt_2")
    assert re.search(r"^steered: pending, key \w+\n  waits: breaker open, probe in", shown, re.M), shown


def test_a_removed_plugin_is_parked_and_discarded(tmp_path):
    daemon = Daemon(tmp_path, CONFIG)
    with daemon:
        steer(daemon, "retry 3600000\nevt_bad fail")
        send(daemon, "evt_1", "evt_2", "evt_bad")
        wait_for(lambda: len(begun(daemon)) == 3 and dead_ids(daemon), "the attempts")
    with Daemon(tmp_path, CONFIG[: CONFIG.index("  steered:")] + CONFIG[CONFIG.index("  logging:") :].replace("steered, ", "")) as daemon:
        page = grapnel(daemon, "status")
        assert re.search(r"steered +parked +0 +2 +1 +-\n", page) and "has no such plugin any more: steered." in page
        assert "2 open deliveries and 1 dead letter wait until it is back there" in page
        assert "`grapnel discard --plugin steered --all` drops them." in page and "grapnel retry" not in page
        assert "is not in the config" in grapnel(daemon, "retry", "-p", "steered", "--all", code=1)
        shown = grapnel(daemon, "show", "cryptopay/evt_1")
        assert re.search(r"^steered: retrying, key \w+\n  parked: the plugin is not in the config\n", shown, re.M), shown
        assert re.search(r"evt_1 .* retrying +.*steered parked", grapnel(daemon, "events"))
        assert "steered dead" in grapnel(daemon, "events", "--state", "dead")
        assert "parked" not in grapnel(daemon, "show", "cryptopay/evt_bad")
        assert grapnel(daemon, "discard", "-p", "steered", "--all", "--yes") == "steered: 3 discarded\n"
        assert "parked" not in grapnel(daemon, "status")
        assert state(daemon, "evt_1") == "discarded"


def test_all_works_while_the_config_is_broken(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    good = daemon.config.read_text()
    steer(daemon, "ok")
    try:
        for broken in (good.replace("sources:", "sorces:"), good + "plugins: [ { \n"):
            daemon.config.write_text(broken)
            assert run(GRAPNEL, "check", "-c", daemon.config).returncode == 1
            assert "steered" in grapnel(daemon, "status") and "evt_1" in grapnel(daemon, "events")
        grapnel(daemon, "retry", "-p", "steered", "cryptopay/evt_1")
        wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")
    finally:
        daemon.config.write_text(good)


# ---- replay ----


def test_replay_has_a_key_of_its_own(daemon):
    steer(daemon, "ok")
    send(daemon, "evt_1")
    daemon.drained()
    assert grapnel(daemon, "replay", "cryptopay/evt_1") in (
        "2 deliveries were made, to steered and logging\n", "2 deliveries were made, to logging and steered\n")
    daemon.drained()
    assert grapnel(daemon, "replay", "cryptopay/evt_1", "-p", "steered") == "1 delivery was made, to steered\n"
    assert "2 deliveries were made anew" in daemon.log() and "1 delivery was made anew" in daemon.log()
    daemon.drained()
    key = begun(daemon)[0][2]
    assert [call[2] for call in begun(daemon)] == [key, key + "~1", key + "~2"]
    steer(daemon, "fail")
    grapnel(daemon, "replay", "cryptopay/evt_1", "-p", "steered")
    until_dead(daemon, "evt_1")
    assert "cryptopay/evt_1 is still dead at steered, so nothing was done; `grapnel retry --plugin steered`" in grapnel(
        daemon, "replay", "cryptopay/evt_1", "-p", "steered", code=1)
    assert grapnel(daemon, "replay", "cryptopay/evt_1") == "1 delivery was made, to logging; left alone: dead at steered\n"
    steer(daemon, "retry 3600000")
    grapnel(daemon, "retry", "cryptopay/evt_1", "-p", "steered")
    wait_for(lambda: state(daemon, "evt_1") == "retrying", "the attempt")
    assert "cryptopay/evt_1 is still retrying at steered, so nothing was done" in grapnel(
        daemon, "replay", "cryptopay/evt_1", "-p", "steered", code=1)


def test_replay_of_what_had_no_route(tmp_path):
    with Daemon(tmp_path, CONFIG.replace("payment.*", "refund.*")) as daemon:
        send(daemon, "evt_1")
        assert state(daemon, "evt_1") == "unrouted"
        assert "no route of today's config" in grapnel(daemon, "replay", "cryptopay/evt_1", code=1)
        assert grapnel(daemon, "replay", "--state", "unrouted") == "0 deliveries were made; 1 event has no route by today's config\n"
    with Daemon(tmp_path, CONFIG) as daemon:
        assert grapnel(daemon, "replay", "--state", "unrouted") == "2 deliveries were made\n"
        wait_for(lambda: state(daemon, "evt_1") == "done", "the delivery")


def test_a_state_to_replay_is_that_of_the_plugins_own_delivery(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1")
    until_dead(daemon, "evt_1")
    grapnel(daemon, "discard", "-p", "steered", "cryptopay/evt_1")
    steer(daemon, "ok")
    assert grapnel(daemon, "replay", "--state", "discarded", "-p", "logging") == "0 deliveries were made\n"
    assert grapnel(daemon, "replay", "--state", "discarded") == "1 delivery was made\n"
    daemon.drained()
    assert len(begun(daemon)) == 2
    assert len((daemon.folder / "log.jsonl").read_text().splitlines()) == 1


# ---- many ----


def test_all_of_them(daemon):
    steer(daemon, "fail")
    send(daemon, "evt_1", "evt_2", "evt_3")
    until_dead(daemon, "evt_1", "evt_2", "evt_3")
    assert grapnel(daemon, "retry", "-p", "steered", "--all") == "steered: 3 put back, with fresh attempts\n"
    wait_for(lambda: len(begun(daemon)) == 6 and len(dead_ids(daemon)) == 3, "all to be dead again")
    assert grapnel(daemon, "discard", "-p", "steered", "--all", "--yes") == "steered: 3 discarded\n"
    assert grapnel(daemon, "retry", "-p", "steered", "--all") == "steered: 0 put back, with fresh attempts\n"
    assert dead_ids(daemon) == set() and state(daemon, "evt_1") == "discarded"
    assert "3 dead letters were discarded by" in daemon.log()
    send(daemon, "evt_4")
    until_dead(daemon, "evt_4")
    grapnel(daemon, "discard", "-p", "steered", "--all")
    assert "1 dead letter was discarded by" in daemon.log()


# ---- the store itself ----


def test_backup_and_compact(daemon):
    steer(daemon, "ok")
    send(daemon, "evt_1", "evt_2")
    daemon.drained()
    copy = daemon.folder / "copy.db"
    assert re.fullmatch(rf"{copy}: \S+ KiB, checked\n", grapnel(daemon, "backup", copy))
    assert str(copy) in grapnel(daemon, "backup", copy, code=1)
    for folder in ("./", str(daemon.folder), f"{daemon.folder}/"):
        assert f"{folder}: is a folder: name the file in it" in grapnel(daemon, "backup", folder, code=1)
    assert f"{daemon.folder}/nowhere: there is no such folder" in grapnel(daemon, "backup", daemon.folder / "nowhere/copy.db", code=1)
    assert f"{copy}: is not a folder" in grapnel(daemon, "backup", copy / "copy.db", code=1)
    assert "/sys/kernel: nothing can be written into this folder" in grapnel(daemon, "backup", "/sys/kernel/copy.db", code=1)
    assert "stop" in grapnel(daemon, "compact", code=1)
    daemon.stop()
    os.remove(copy)
    grapnel(daemon, "backup", copy)
    assert daemon.folder.name and "state" in grapnel(daemon, "compact")
    restored = daemon.folder / "restored"
    (restored / "state").mkdir(parents=True)
    os.rename(copy, restored / "state/grapnel.db")
    with Daemon(restored, CONFIG) as other:
        assert {row["id"] for row in grapnel_json(other, "events")} == {"evt_1", "evt_2"}
