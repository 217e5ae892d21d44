"""An HTTP server on loopback that keeps what it is sent and answers as it is told, with or without TLS."""

import collections
import http.server
import socket
import ssl
import subprocess
import threading

Request = collections.namedtuple("Request", "method path headers body")
Answer = collections.namedtuple("Answer", "status headers body", defaults=({}, b""))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = Request(self.command, self.path, self.headers, body)
        with self.server.lock:
            self.server.requests.append(request)
            number = len(self.server.requests)
        answer = self.server.answer(request, number)
        if isinstance(answer, bytes):  # as it is, and then the end
            self.wfile.write(answer)
            self.close_connection = True
            return
        if callable(answer):  # does everything itself
            answer(self)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_):
        pass


class Receiver(http.server.ThreadingHTTPServer):
    """`answer` is given a Request and its number from 1, and returns an Answer, bytes, or a function of the handler."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer=lambda *_: Answer(200), certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.requests, self.connections, self.lock = answer, [], 0, threading.Lock()
        self.ended = threading.Event()  # for answers that wait
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)

    def finish_request(self, request, client_address):
        """In the connection's own thread, so that a handshake keeps nobody else."""
        if self.context:
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass  # a client that goes away is no concern

    def url(self, path="/"):
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.server_address[1]}{path}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.shutdown()
        self.server_close()


def free_port():
    """Nobody listens there, as long as nobody else is given it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def authority(folder, name="ca"):
    """A certificate authority of our own: the file of its certificate."""
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem")
    return folder / f"{name}.pem"


def certificate(folder, names, ca="ca", days=2, name="server"):
    """Signed by it: one file of key and certificate."""
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=server", "-addext",
            f"subjectAltName={names}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-copy_extensions", "copy",
            "-days", str(days), "-out", f"{name}.crt")
    path = folder / f"{name}.pem"
    path.write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())
    return path


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
