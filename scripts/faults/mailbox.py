"""A mail server: takes every mail and puts it into a folder, named by its Message-ID."""

import os
import re
import socketserver
import threading

LONGEST_LINE = 2000


class Session(socketserver.StreamRequestHandler):
    """RFC 5321 as far as a client needs it who has one mail to hand over."""

    timeout = 60

    def handle(self):
        try:
            self.say("220 mailbox ready")
            while self.answer(self.rfile.readline(LONGEST_LINE)):
                pass
        except OSError:
            return  # a client that went away keeps its mail

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def answer(self, line):
        verb = line[:4].upper()
        match verb:
            case b"EHLO":
                self.say("250-mailbox")
                self.say("250 8BITMIME")
            case b"HELO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP":
                self.say("250 well")
            case b"DATA":
                self.say("354 go on")
                self.server.mailbox.keep(self.read_mail())
                self.say("250 taken")
            case b"QUIT":
                self.say("221 bye")
                return False
            case b"":
                return False
            case _:
                self.say("502 unknown")
        return True

    def read_mail(self):
        lines = []
        while (line := self.rfile.readline(LONGEST_LINE)) != b".\r\n":
            if not line:
                raise ConnectionResetError("the client went away in the middle of a mail")
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class Mailbox:
    """The server with its folder."""

    def __init__(self, port, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.taken = 0
        self.repeats = 0
        self.server = Server(("127.0.0.1", port), Session)
        self.server.mailbox = self
        self.thread = threading.Thread(target=self.server.serve_forever, name="mailbox", daemon=True)
        self.thread.start()

    def keep(self, mail):
        """One file for each Message-ID; what comes again is counted."""
        found = re.search(rb"^Message-ID:\s*<([0-9A-Za-z-]+)@", mail, re.MULTILINE | re.IGNORECASE)
        with self.lock:
            name = found[1].decode() if found else f"without-an-id-{self.taken}"
            path = os.path.join(self.folder, f"{name}.eml")
            self.taken += 1
            self.repeats += os.path.exists(path)
            with open(path + ".new", "wb") as file:
                file.write(mail)
            os.rename(path + ".new", path)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(20)
