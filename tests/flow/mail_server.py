"""A real SMTP server (aiosmtpd) on loopback for the tests of email.so, which can be told to misbehave."""

import asyncio
import socket
import ssl
import subprocess
import threading

from aiosmtpd.smtp import SMTP, AuthResult

from grapnel_test import SLOWNESS, wait_for

USER, PASSWORD = "shop", "correct horse"


def certificate(folder, host="localhost"):
    """(certificate, key) of an authority that vouches for itself, as server `host`."""
    paths = folder / f"{host}.pem", folder / f"{host}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-out", paths[0], "-keyout", paths[1]],
        check=True, capture_output=True,
    )
    return paths


def bound_socket(port=0):
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    own.bind(("127.0.0.1", port))
    return own


class Server:
    """Runs protocols of `protocol()` in a thread."""

    def __init__(self, port=0):
        self.socket = bound_socket(port)
        self.port = self.socket.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.connections = 0

    def counted(self):
        self.connections += 1
        return self.protocol()

    def __enter__(self):
        self.thread.start()
        begun = self.loop.create_server(self.counted, sock=self.socket, ssl=getattr(self, "tls_from_the_start", None))
        self.server = asyncio.run_coroutine_threadsafe(begun, self.loop).result(60)
        return self

    def __exit__(self, *_):
        async def end():
            self.server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(60)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class MailServer(Server):
    """Takes all mails, into `mails`, as (sender, [recipient], bytes).

    `replies` are of MAIL, RCPT (by address), DATA and QUIT: a text is the answer; "drop" cuts the connection, "hang" answers nothing.
    """

    def __init__(self, tls=None, smtps=None, auth=False, port=0):
        super().__init__(port)
        self.tls, self.auth = self.context(tls), auth
        if smtps:
            self.tls_from_the_start = self.context(smtps)
        self.mails, self.commands, self.logins, self.replies = [], [], 0, {}

    @staticmethod
    def context(paths):
        if not paths:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*paths)
        return context

    def protocol(self):
        return SMTP(self, hostname="mail.test", tls_context=self.tls, require_starttls=bool(self.tls), loop=self.loop, timeout=600,
                    auth_required=self.auth, auth_require_tls=bool(self.tls), authenticator=self.authenticate if self.auth else None,
                    auth_exclude_mechanism=() if self.auth else ("LOGIN", "PLAIN"))

    def authenticate(self, server, session, envelope, mechanism, data):
        self.logins += 1
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=good)

    async def reply(self, server, name, default):
        self.commands.append(name)
        wanted = self.replies.get(name, default)
        if callable(wanted):
            wanted = wanted()
        if wanted == "hang":
            await asyncio.Event().wait()
        if wanted == "drop":
            server.transport.abort()
            await asyncio.Event().wait()
        return wanted

    async def handle_MAIL(self, server, session, envelope, address, options):
        answer = await self.reply(server, "MAIL", "250 OK")
        if answer.startswith("250"):
            envelope.mail_from = address
        return answer

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = await self.reply(server, address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_QUIT(self, server, session, envelope):
        return await self.reply(server, "QUIT", "221 Bye")

    async def handle_DATA(self, server, session, envelope):
        answer = await self.reply(server, "DATA", "250 taken")
        if answer.startswith("250"):
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return answer

    def take(self, count=1):
        """Waits for so many mails."""
        wait_for(lambda: len(self.mails) >= count, f"{count} mails", 90)
        return self.mails


class Greeter(Server):
    """Says one thing, or nothing, and keeps the connection open."""

    def __init__(self, greeting=b"", port=0):
        super().__init__(port)
        self.greeting = greeting

    def protocol(self):
        greeting = self.greeting

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport):
                transport.write(greeting)

        return Protocol()


DEADLINE = 2 * SLOWNESS  # seconds, where a test waits for it
