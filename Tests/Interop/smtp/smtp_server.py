"""A mail server for tests, made of aiosmtpd.

  smtp_server.py [--port N] [--tls implicit|starttls] [--certificates FOLDER] [--user NAME --password PASSWORD]
                 [--greeting CODE] [--silent]

Its first line of output is {"port": N}. Each message that it accepts is a line: the envelope, the bytes in base64, and what
Python's own parser of messages makes of them. What it does with a message hangs on the recipient's local part:

  rcpt-CODE, data-CODE        refuses RCPT or the message with this code
  later-CODE-COUNT-…          refuses RCPT this often, then accepts
  lost-…                      takes the message and breaks the connection instead of answering, the first time
  slow-…                      never answers the message
  stay-…                      takes the message and never answers QUIT

It ends when its standard input closes.
"""

import argparse
import asyncio
import base64
import collections
import datetime
import email
import email.policy
import ipaddress
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def say(**values):
    print(json.dumps(values), flush=True)


class Handler:
    def __init__(self):
        self.seen = collections.Counter()

    async def handle_RCPT(self, server, session, envelope, address, options):
        kind, *rest = address.split("@")[0].split("-")
        self.seen[address] += 1
        if kind == "rcpt":
            return f"{rest[0]} no"
        if kind == "later" and self.seen[address] <= int(rest[1]):
            return f"{rest[0]} later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        kind, *rest = envelope.rcpt_tos[0].split("@")[0].split("-")
        if kind == "data":
            return f"{rest[0]} no"
        if kind == "slow":
            await asyncio.sleep(3600)
        session.stays = kind == "stay"
        report(server, session, envelope)
        if kind == "lost" and self.seen[envelope.rcpt_tos[0]] == 1:
            server.transport.abort()
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        if getattr(session, "stays", False):
            await asyncio.sleep(3600)
        return "221 Bye"


def report(server, session, envelope):
    parsed = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
    body = parsed.get_body()
    say(**{
        "from": envelope.mail_from, "to": envelope.rcpt_tos, "content": base64.b64encode(envelope.original_content).decode(),
        "isTLS": server.transport.get_extra_info("ssl_object") is not None,
        "isAuthenticated": bool(session.authenticated), "hello": session.host_name,
        "subject": parsed["subject"], "messageID": parsed["message-id"],
        "recipientName": parsed["to"].addresses[0].display_name if parsed["to"] else None,
        "text": body.get_content().replace("\r\n", "\n") if body is not None else None,
    })


def make_certificates(folder):
    """ca.pem, and server.pem with its key, for 127.0.0.1."""
    now = datetime.datetime.now(datetime.timezone.utc)

    def build(name, issuer, key, issuer_key, extensions):
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(issuer_key, hashes.SHA256())

    def named(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = build(named("Test CA"), named("Test CA"), authority_key, authority_key,
                      [(x509.BasicConstraints(ca=True, path_length=None), True)])
    server = build(named("mail"), named("Test CA"), key, authority_key, [(x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)])
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(authority.public_bytes(pem))
    (folder / "server.pem").write_bytes(server.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))


def authenticator(arguments):
    def check(server, session, envelope, mechanism, data):
        expected = LoginPassword(arguments.user.encode(), arguments.password.encode())
        return AuthResult(success=data == expected, handled=False)
    return check if arguments.user else None


class Silent(asyncio.Protocol):
    """Accepts connections and says nothing."""


class Refusing(asyncio.Protocol):
    """Greets with a refusal, as a server that does not serve us does."""

    def __init__(self, code):
        self.code = code

    def connection_made(self, transport):
        transport.write(f"{self.code} go away\r\n".encode())


def protocol_factory(arguments, context):
    if arguments.silent:
        return Silent
    if arguments.greeting:
        return lambda: Refusing(arguments.greeting)
    handler = Handler()
    is_starttls = arguments.tls == "starttls"
    return lambda: SMTP(
        handler, hostname="mail.example.net", enable_SMTPUTF8=True, tls_context=context if is_starttls else None,
        require_starttls=is_starttls, authenticator=authenticator(arguments), auth_required=bool(arguments.user),
        auth_require_tls=False)


async def serve(arguments):
    context = None
    if arguments.tls:
        folder = pathlib.Path(arguments.certificates)
        if not (folder / "ca.pem").exists():
            make_certificates(folder)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(folder / "server.pem")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        protocol_factory(arguments, context), "127.0.0.1", arguments.port,
        ssl=context if arguments.tls == "implicit" else None)
    say(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.read)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", choices=["implicit", "starttls"])
    parser.add_argument("--certificates")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--greeting", type=int)
    parser.add_argument("--silent", action="store_true")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
