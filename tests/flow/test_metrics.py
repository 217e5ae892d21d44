"""/metrics: every name of the design is there from the start, promtool finds nothing wrong, and a real Prometheus sees each of them move as
events are accepted, refused, duplicated, delivered, retried and dead, while workers crash and a breaker opens and closes."""

import contextlib
import http.client
import json
import re
import shutil
import subprocess
import time
import urllib.parse

import pytest

from grapnel_test import SECRET, SLOWNESS, SOURCE, Daemon, event, run, signature, wait_for
from receiver import free_port

DESIGN = {
    "grapnel_events_total": ("counter", {"source", "result"}),
    "grapnel_request_seconds": ("histogram", set()),
    "grapnel_commit_seconds": ("histogram", set()),
    "grapnel_commit_events": ("histogram", set()),
    "grapnel_deliveries_total": ("counter", {"plugin", "outcome"}),
    "grapnel_delivery_seconds": ("histogram", {"plugin"}),
    "grapnel_queue": ("gauge", {"plugin", "state"}),
    "grapnel_workers": ("gauge", {"plugin"}),
    "grapnel_worker_restarts_total": ("counter", {"plugin", "reason"}),
    "grapnel_breaker_open": ("gauge", {"plugin"}),
    "grapnel_reloads_total": ("counter", {"result"}),
    "grapnel_store_bytes": ("gauge", set()),
    "grapnel_build_info": ("gauge", {"version"}),
}
RESULTS = (
    "accepted duplicate conflict challenge signature timestamp json event malformed path address method slow size content_type expectation rate header_size "
    "version unavailable"
).split()
OUTCOMES = "ok retry busy fail crash deadline".split()
RESTARTS = "exit signal deadline garbage memory init".split()

CONFIG = f"""
admin: {{ listen: 127.0.0.1:0 }}
limits: {{ body: 64KiB }}
sources:
  shop: {{ path: /webhook, signature: cryptopay, secrets: [ {SECRET} ] }}
  other: {{ path: /other, signature: stripe, secrets: [ {SECRET} ] }}
plugins:
  logging: {{ settings: {{ path: events.log }} }}
  bad:
    file: misbehave.so
    deadline: 1s
    retry: {{ first: 10ms, attempts: 3 }}
    breaker: {{ failures: 1000 }}
    settings: {{ record: bad.txt }}
  steered: {{ workers: 2, settings: {{ record: steered.txt, steer: steer.txt }} }}
  late: {{ file: init_retry.so, settings: {{ record: late.txt, until: late.now }} }}
routes: {{ "ok.*": [ logging ], "bad.*": [ bad ], "steered.*": [ steered ], "late.*": [ late ] }}
"""
PLUGINS = ["logging", "bad", "steered", "late"]


class Scrape:
    """The samples of one text: a dictionary by name and labels, of numbers."""

    def __init__(self, text):
        self.text, self.types, self.helps, self.samples = text, {}, {}, {}
        for line in text.splitlines():
            if line.startswith("# "):
                _, kind, name, said = line.split(" ", 3)
                {"HELP": self.helps, "TYPE": self.types}[kind][name] = said
                continue
            name, labels, value = re.fullmatch(r'(\w+)(?:\{((?:\w+="[^"]*",?)*)\})? (\S+)', line).groups()
            key = (name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels or "")))
            assert key not in self.samples, line
            self.samples[key] = float(value)

    def __call__(self, name, **labels):
        return self.samples[name, frozenset(labels.items())]

    def family(self, sample):
        base = re.sub(r"_(bucket|sum|count)$", "", sample)
        return base if self.types.get(base) == "histogram" else sample


def scrape(daemon):
    status, headers, text = daemon.ask("/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    checked = run("promtool", "check", "metrics", input=text)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert SECRET not in text and daemon.token() not in text
    return Scrape(text)


class Prometheus:
    """It scrapes the daemon, with the token from the daemon's own file, and is asked over its HTTP API."""

    def __init__(self, folder, daemon):
        self.port = free_port()
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{
                "job_name": "grapnel",
                "authorization": {"credentials_file": str(daemon.folder / "state" / "admin.token")},
                "static_configs": [{"targets": [daemon.admin]}],
            }],
        }))  # fmt: skip
        assert run("promtool", "check", "config", config).returncode == 0
        self.log = (folder / "prometheus.log").open("wb")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/prometheus", f"--web.listen-address=127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
        )  # fmt: skip

    def ask(self, path):
        try:
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.read().decode() if answer.status == 200 else None
        except OSError:
            return None

    def query(self, expression):
        """The series and their values."""
        answer = json.loads(self.ask("/api/v1/query?" + urllib.parse.urlencode({"query": expression})) or "{}")
        return [(series["metric"], float(series["value"][1])) for series in answer.get("data", {}).get("result", [])]

    def value(self, expression):
        """Of exactly one series; None as long as there is none."""
        found = self.query(expression)
        assert len(found) <= 1, (expression, found)
        return found[0][1] if found else None

    def sees(self, *expressions):
        """Waits until each of these comparisons holds: then, and only then, it gives a series."""
        for expression in expressions:
            try:
                wait_for(lambda: len(self.query(expression)) == 1, f"Prometheus to see {expression}", timeout=40)
            except AssertionError as late:
                raise AssertionError(f"{late}; it sees {self.query(re.split(' [=><]', expression)[0])}") from late

    def __enter__(self):
        wait_for(lambda: self.ask("/-/ready"), "Prometheus to be ready", timeout=60)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


@pytest.fixture
def daemon(tmp_path):
    (tmp_path / "steer.txt").write_text("ok\n")
    with Daemon(tmp_path, CONFIG, plugins_crash=True) as daemon:
        yield daemon


@pytest.fixture
def sender(daemon):
    with contextlib.closing(daemon.sender()) as sender:
        yield sender


def test_everything_is_there_from_the_start(daemon):
    found = scrape(daemon)
    assert found.types == {name: type for name, (type, _) in DESIGN.items()} and set(found.helps) == set(DESIGN)
    for (sample, labels), value in found.samples.items():
        names = {name for name, _ in labels} - {"le"}
        assert names == DESIGN[found.family(sample)][1], sample
        assert value == 0 or sample in ("grapnel_store_bytes", "grapnel_build_info", "grapnel_workers", "grapnel_worker_restarts_total"), sample
    for source in ("shop", "other", ""):
        assert all(found("grapnel_events_total", source=source, result=result) == 0 for result in RESULTS)
    assert len([key for key in found.samples if key[0] == "grapnel_events_total"]) == 3 * len(RESULTS)
    for plugin in PLUGINS:
        assert all(found("grapnel_deliveries_total", plugin=plugin, outcome=outcome) == 0 for outcome in OUTCOMES)
        assert all(found("grapnel_queue", plugin=plugin, state=state) == 0 for state in ("pending", "retrying", "dead"))
        assert all(found("grapnel_worker_restarts_total", plugin=plugin, reason=reason) >= 0 for reason in RESTARTS)
        assert found("grapnel_breaker_open", plugin=plugin) == 0
        assert found("grapnel_delivery_seconds_bucket", plugin=plugin, le="+Inf") == found("grapnel_delivery_seconds_count", plugin=plugin) == 0
    assert len([key for key in found.samples if key[0] == "grapnel_deliveries_total"]) == len(PLUGINS) * len(OUTCOMES)
    assert [found("grapnel_reloads_total", result=result) for result in ("ok", "refused")] == [0, 0]
    bounds = [dict(labels)["le"] for name, labels in found.samples if name == "grapnel_request_seconds_bucket"]
    assert bounds == ["0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]
    wait_for(lambda: [scrape(daemon)("grapnel_workers", plugin=plugin) for plugin in PLUGINS] == [1, 1, 2, 0], "the workers")


def test_the_readme_tells_of_each(daemon):
    found = scrape(daemon)
    rows = re.findall(r"^\| `(grapnel_\w+)(?:\{([\w,]+)\})?` \| (\w+) \| (.*?) \|$", (SOURCE / "README.md").read_text(), re.M)
    assert {name: (type, said) for name, _, type, said in rows} == {name: (type, found.helps[name]) for name, type in found.types.items()}
    assert {name: set(labels.split(",")) - {""} for name, labels, _, _ in rows} == {name: labels for name, (_, labels) in DESIGN.items()}


def send_what_is_refused(daemon, sender):
    """One of each kind that a sender can cause by a request."""
    body = event("evt_refused")
    assert sender.post(body, {"X-CryptoPay-Signature": None})[0] == 400
    assert sender.post(body, at=int(time.time()) - 4000)[0] == 400
    assert sender.post(b"{]")[0] == 400
    assert sender.post(b"{}")[0] == 400
    assert sender.post(body, {"Content-Type": "text/plain"})[0] == 415
    assert sender.post(b" " * 70000)[0] == 413
    with contextlib.closing(daemon.sender(path="/nowhere")) as stray:
        assert stray.post(body)[0] == 404
    with contextlib.closing(daemon.sender(path="/other", header="Stripe-Signature", secret="another")) as forger:
        assert forger.post(body)[0] == 400


def counted(result, source="shop"):
    return f'grapnel_events_total{{source="{source}",result="{result}"}}'


def outcomes(plugin, outcome):
    return f'grapnel_deliveries_total{{plugin="{plugin}",outcome="{outcome}"}}'


def queue(plugin, state):
    return f'grapnel_queue{{plugin="{plugin}",state="{state}"}}'


def restarts(plugin, reason):
    return f'grapnel_worker_restarts_total{{plugin="{plugin}",reason="{reason}"}}'


def see_events(daemon, sender, prometheus):
    for i in range(20):
        sender.accepted(event(f"evt_{i}", "ok.event"))
    assert "duplicate" in sender.post(event("evt_1", "ok.event"))[1]
    assert "duplicate" in sender.post(event("evt_1", "ok.event", other=1))[1]
    send_what_is_refused(daemon, sender)
    prometheus.sees(f"{counted('accepted')} == 20", f"{counted('duplicate')} == 1", f"{counted('conflict')} == 1")
    prometheus.sees(*[f"{counted(result)} == 1" for result in ("signature", "timestamp", "json", "event", "content_type", "size")])
    prometheus.sees(f"{counted('path', '')} == 1", f"{counted('signature', 'other')} == 1", f"{counted('accepted', 'other')} == 0")
    prometheus.sees("grapnel_request_seconds_count == 30", "grapnel_request_seconds_sum > 0", 'grapnel_request_seconds_bucket{le="10"} == 30')
    prometheus.sees("grapnel_request_seconds_count == scalar(sum(grapnel_events_total))")
    prometheus.sees("grapnel_commit_events_sum == 20", "grapnel_commit_events_count > 0", "grapnel_commit_seconds_sum > 0")
    prometheus.sees("grapnel_commit_seconds_count == grapnel_commit_events_count", "grapnel_store_bytes > 20000")
    prometheus.sees(f"{outcomes('logging', 'ok')} == 20", 'grapnel_delivery_seconds_count{plugin="logging"} == 20')
    prometheus.sees('grapnel_delivery_seconds_sum{plugin="logging"} > 0', f"{queue('logging', 'pending')} == 0")


def see_failures(sender, prometheus):
    for id, what in [
        ("evt_fail", {"do": "fail"}), ("evt_poison", {"do": "abort"}), ("evt_hang", {"do": "hang"}), ("evt_later", {"do": "retry", "after_ms": 600000}),
        ("evt_garbage", {"do": "garbage", "times": 1}), ("evt_exit", {"do": "exit0", "times": 1}), ("evt_again", {"do": "retry", "times": 2}),
    ]:  # fmt: skip
        sender.accepted(event(id, "bad.event", **what))
    prometheus.sees(f"{queue('bad', 'dead')} == 3", f"{queue('bad', 'retrying')} == 1", f"{queue('bad', 'pending')} == 0")
    prometheus.sees(f"{outcomes('bad', 'fail')} == 1", f"{outcomes('bad', 'retry')} == 3", f"{outcomes('bad', 'deadline')} == 3")
    prometheus.sees(f"{outcomes('bad', 'ok')} == 3", f"{outcomes('bad', 'crash')} == 5", f"{outcomes('bad', 'busy')} == 0")
    prometheus.sees(f"{restarts('bad', 'signal')} == 3", f"{restarts('bad', 'deadline')} == 3")
    # Garbage of which it is not known whose it is is written again, by the culprit alone.
    prometheus.sees(f"{restarts('bad', 'garbage')} >= 1", f"{restarts('bad', 'exit')} == 1", f"{restarts('late', 'init')} >= 1")
    prometheus.sees('grapnel_workers{plugin="bad"} == 1', 'grapnel_workers{plugin="late"} == 0', 'grapnel_workers{plugin="steered"} == 2')


def see_a_breaker(folder, sender, prometheus):
    (folder / "steer.txt").write_text("busy 1000\n")
    for i in range(5):
        sender.accepted(event(f"evt_steered_{i}", "steered.event"))
    prometheus.sees('grapnel_breaker_open{plugin="steered"} == 1', f"{queue('steered', 'pending')} == 5", f"{outcomes('steered', 'busy')} > 0")
    assert prometheus.value('grapnel_breaker_open{plugin="logging"}') == 0
    (folder / "steer.txt").write_text("ok\n")
    prometheus.sees(f"{outcomes('steered', 'ok')} == 5", f"{queue('steered', 'pending')} == 0", 'grapnel_breaker_open{plugin="steered"} == 0')
    sender.accepted(event("evt_late", "late.event"))
    prometheus.sees(f"{queue('late', 'pending')} == 1")
    (folder / "late.now").touch()
    prometheus.sees(f"{queue('late', 'pending')} == 0", 'grapnel_workers{plugin="late"} == 1', f"{outcomes('late', 'ok')} == 1")


def test_a_real_prometheus_sees_each_move(tmp_path, daemon, sender):
    assert shutil.which("prometheus") and shutil.which("promtool"), "the Debian package prometheus is missing: cmake/packages.sh test"
    with Prometheus(tmp_path, daemon) as prometheus:
        prometheus.sees('up{job="grapnel"} == 1', f"{counted('accepted')} == 0", "grapnel_build_info == 1")
        see_events(daemon, sender, prometheus)
        see_failures(sender, prometheus)
        see_a_breaker(tmp_path, sender, prometheus)
        names = {series["__name__"] for series, _ in prometheus.query('{__name__=~"grapnel_.+"}')}
        histograms = {name for name, (type, _) in DESIGN.items() if type == "histogram"}
        parts = {name + part for name in histograms for part in ("_bucket", "_sum", "_count")}
        assert names == set(DESIGN) - histograms | parts
        assert prometheus.value('histogram_quantile(0.99, rate(grapnel_request_seconds_bucket[5m]))') is not None
        assert prometheus.query('up{job="grapnel"} == 0') == []
        metadata = json.loads(prometheus.ask("/api/v1/metadata"))["data"]
        assert {name: metadata[name][0]["type"] for name in DESIGN} == {name: type for name, (type, _) in DESIGN.items()}
    scrape(daemon)


def test_a_plugin_that_is_parked_keeps_its_queue(tmp_path, daemon, sender):
    sender.accepted(event("evt_dead", "bad.event", do="fail"))
    sender.accepted(event("evt_later", "bad.event", do="retry", after_ms=600000))

    def queues():
        found = scrape(daemon)
        return [found("grapnel_queue", plugin="bad", state=state) for state in ("pending", "retrying", "dead")]

    wait_for(lambda: queues() == [0, 1, 1], "both to have failed")
    assert daemon.stop() == 0
    text = daemon.config.read_text()
    daemon.config.write_text(re.sub(r"(?ms)^  bad:.*?(?=^  steered)", "", text).replace('"bad.*": [ bad ], ', ""))
    daemon.start()
    assert queues() == [0, 1, 1]
    assert 'grapnel_deliveries_total{plugin="bad"' not in scrape(daemon).text
