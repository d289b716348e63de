#!/usr/bin/env python3
"""aiosmtpd as a mail server that requires STARTTLS and a login, and answers as told.

  smtp_server.py --directory DIR --certificate CERT.pem --key KEY.pem --user U --password P
                 [--replies "451 4.3.0 later,250,550 5.1.1 no such user"] [--implicit-tls | --plain] [--port 0]

Prints {"port": N} when ready. The n-th mail gets the n-th reply, later ones 250. Each accepted mail is written to
DIR/NNNN.eml, its envelope to DIR/NNNN.json; DIR/attempts.jsonl has a line per DATA, accepted or not. Ends on SIGTERM.
"""
import argparse
import asyncio
import json
import os
import signal
import ssl
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--directory", required=True)
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--user")
parser.add_argument("--password")
parser.add_argument("--replies", default="")
parser.add_argument("--implicit-tls", action="store_true")
parser.add_argument("--plain", action="store_true", help="no TLS at all")
parser.add_argument("--port", type=int, default=0)
arguments = parser.parse_args()
# The server speaks of its own coming versions at every login.
warnings.simplefilter("ignore")


class Scripted:
    """Hands out the replies in order and keeps the accepted mails."""

    def __init__(self):
        self.replies = [reply.strip() for reply in arguments.replies.split(",") if reply.strip()]
        self.accepted = 0

    async def handle_DATA(self, server, session, envelope):
        reply = self.replies.pop(0) if self.replies else "250"
        record = {
            "reply": reply,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or arguments.implicit_tls,
            "authenticated": session.authenticated,
        }
        with open(os.path.join(arguments.directory, "attempts.jsonl"), "a") as attempts:
            attempts.write(json.dumps(record) + "\n")
        if not reply.startswith("250"):
            return reply
        self.accepted += 1
        stem = os.path.join(arguments.directory, f"{self.accepted:04}")
        with open(stem + ".eml.part", "wb") as mail:
            mail.write(envelope.original_content)
        with open(stem + ".json", "w") as side:
            json.dump(record, side)
        # Appears complete or not at all, for a test that watches the directory.
        os.rename(stem + ".eml.part", stem + ".eml")
        return "250 2.0.0 accepted"


def authenticate(server, session, envelope, mechanism, data):
    good = (
        isinstance(data, LoginPassword)
        and data.login == (arguments.user or "").encode()
        and data.password == (arguments.password or "").encode()
    )
    return AuthResult(success=good, handled=good)


def tls():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(arguments.certificate, arguments.key)
    return context


async def main():
    loop = asyncio.get_running_loop()
    handler = Scripted()
    context = None if arguments.plain else tls()
    starts = context is not None and not arguments.implicit_tls

    def session():
        return SMTP(
            handler,
            hostname="peer.test",
            tls_context=context if starts else None,
            require_starttls=starts,
            auth_required=arguments.user is not None,
            auth_require_tls=starts,
            authenticator=authenticate,
            loop=loop,
        )

    server = await loop.create_server(
        session, "127.0.0.1", arguments.port, ssl=context if arguments.implicit_tls else None
    )
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await ended.wait()
    server.close()


asyncio.run(main())
