"""A mail server in a process of its own, so that it does not take turns with whoever sends events: writes `time subject` of each mail.

    mail_recorder.py PORT FILE      until its standard input ends
"""

import re
import sys
import time

from mail_server import MailServer


class Recorder(MailServer):
    def __init__(self, port, path):
        super().__init__(port=port)
        self.file = open(path, "a", buffering=1)

    async def handle_DATA(self, server, session, envelope):
        subject = re.search(rb"^Subject: (.*?)\r$", envelope.original_content, re.M).group(1).decode()
        self.file.write(f"{time.monotonic():.6f} {subject}\n")
        return "250 taken"


if __name__ == "__main__":
    with Recorder(int(sys.argv[1]), sys.argv[2]):
        print("ready", flush=True)
        sys.stdin.read()
