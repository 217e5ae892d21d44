"""A real nginx in front of a daemon, in a folder of its own, as the test's own user and on a port that was free."""

import shutil
import signal
import socket
import subprocess

from grapnel_test import wait_for

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1;
{servers}
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Nginx:
    """`servers` is the text of server blocks, made for as many ports as it takes: servers(folder, *ports)."""

    def __init__(self, folder, servers, ports=1):
        self.folder = folder
        self.servers, self.count = servers, ports
        self.ports = []
        self.process = None
        folder.mkdir(exist_ok=True)

    def log(self):
        return (self.folder / "error.log").read_text(errors="replace")

    def launch(self):
        """False if a port was taken meanwhile."""
        self.ports = [free_port() for _ in range(self.count)]
        config = self.folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=self.folder, servers=self.servers(self.folder, *self.ports)))
        with (self.folder / "error.log").open("wb") as log:
            self.process = subprocess.Popen(
                [NGINX, "-p", self.folder, "-e", "stderr", "-c", config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def settled():
            if self.process.poll() is not None:
                return "ended"
            return "Address already in use" in self.log() and "taken" or all(map(self.listens, self.ports)) and "listens"

        state = wait_for(settled, "nginx to listen")
        if state == "listens":
            return True
        log = self.log()
        self.stop()
        assert "Address already in use" in log, log
        return False

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def __enter__(self):
        assert any(self.launch() for _ in range(5)), self.log()
        return self

    def __exit__(self, *_):
        self.stop()
