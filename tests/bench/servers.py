"""The two servers that are compared, and the load that both get."""
import json
import os
import re
import resource
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SECRET = "whsec_bench_5c1f0d5e8a7b4f2d9e3a6c0b1d2e4f60"
CONNECTIONS = 64
LOAD_THREADS = 2
# More than either server manages; requests that are over early only make the round shorter.
MOST_PER_SECOND = 150_000

CONFIG = """\
state: ./state
listen: [ "127.0.0.1:0" ]
sources:
  bench:
    path: /webhook
    signature: cryptopay
    secrets: [ {{ file: secret }} ]
plugins:
  logging:
    file: {logging}
    settings: {{ path: events.jsonl }}
  nothing:
    file: {nothing}
routes:
  "*": [ logging, nothing ]
"""


class Failure(Exception):
    """The bench can't go on, or what it saw is wrong."""


class Server:
    """A child process that says where it listens, on a port that the kernel chose."""

    def __init__(self, name, command, folder, ready):
        self.name = name
        self.output = Path(folder) / f"{name}.log"
        with open(self.output, "wb") as output:
            # The kernel ends it if we are killed.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)], cwd=folder,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            self.address = self._wait_for(ready)
        except BaseException:
            self.stop()
            raise

    def _wait_for(self, ready):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            ended = self.process.poll() is not None
            found = re.search(ready, self.output.read_text())
            if found:
                return found[1]
            if ended:
                break
            time.sleep(0.02)
        raise Failure(f"{self.name} did not start:\n{self.output.read_text()}")

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        """Its exit status; it gets 60 s to finish what it holds."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def start_empty(build, folder):
    return Server("empty", [build / "tests/bench/empty_server", "127.0.0.1:0", 128], folder, r"ready (\S+)")


def start_grapnel(build, folder):
    folder = Path(folder)
    (folder / "secret").write_text(SECRET)
    (folder / "grapnel.yaml").write_text(
        CONFIG.format(logging=build / "plugins/logging.so", nothing=build / "tests/bench/null.so"))
    return Server("grapnel", [build / "bin/grapnel", "serve", "-c", folder / "grapnel.yaml"], folder,
                  r"ready: listening on (\S+)")


class Load:
    """wrk, running. It ends when the time is over and every request has its answer, or else a minute later."""

    def __init__(self, build, address, prefix, seconds):
        settings = {"LIBRARY": build / "tests/bench/requests.so", "HOST": address, "SECRET": SECRET, "PREFIX": prefix,
                    "SECONDS": seconds, "THREADS": LOAD_THREADS, "CONNECTIONS": CONNECTIONS,
                    "COUNT": int(MOST_PER_SECOND * seconds / LOAD_THREADS)}
        environment = dict(os.environ, **{f"GRAPNEL_BENCH_{name}": str(value) for name, value in settings.items()})
        self.prefix = prefix
        self.before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "wrk", f"-t{LOAD_THREADS}", f"-c{CONNECTIONS}",
             f"-d{seconds + 60}s", "--timeout", "60s", "-s", HERE / "requests.lua", f"http://{address}/webhook"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def running(self):
        return self.process.poll() is None

    def result(self):
        """What requests.lua's `done` said, with the ids that were sent."""
        output, _ = self.process.communicate()
        line = re.search(r"^bench (.*)$", output, re.MULTILINE)
        if self.process.returncode != 0 or not line:
            raise Failure(f"wrk ended with {self.process.returncode}:\n{output}")
        result = json.loads(line[1])
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        result["cpu_seconds"] = used.ru_utime + used.ru_stime - self.before.ru_utime - self.before.ru_stime
        result["sent_total"] = sum(result["sent"])
        if result["refused"] or result["broken"] or result["answered"] != result["sent_total"] or not result["answered"]:
            raise Failure(f"not every request was answered with 200: {line[1]}")
        return result

    def ids(self, sent):
        """All ids of the round, as sent[thread] says how many each thread used."""
        return {f"{self.prefix}{thread}{number:08x}" for thread, count in enumerate(sent) for number in range(count)}

    def end(self):
        if self.running():
            self.process.kill()
            self.process.wait()


class EventFile:
    """The logging plugin's file: read once, in order, as it grows."""

    FIRST_ID = re.compile(rb'"id":"([^"]+)"')

    def __init__(self, path):
        self.path = path
        self.offset = 0

    def size(self):
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return 0

    def take_ids(self):
        """Ids in the whole lines that were added since the last call; an id stands before the payload in each."""
        ids = []
        if self.size() > self.offset:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self.offset += len(line)
                    ids.append(self.FIRST_ID.search(line)[1].decode())
        return ids
