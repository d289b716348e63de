#!/usr/bin/env python3
"""Parses mails with Python's strict policy: parse_mail.py FILE... prints a JSON list, or fails on a malformed mail.

Each: {"subject", "from", "to", "messageID", "headers": [[name, value]], "parts": [{"type", "charset", "text"}]}
"""
import email
import email.policy
import json
import sys


def parse(path):
    with open(path, "rb") as file:
        raw = file.read()
    if b"\n" in raw.replace(b"\r\n", b""):
        raise ValueError(f"{path}: a bare line feed")
    if max((len(line) for line in raw.split(b"\r\n")), default=0) > 998:
        raise ValueError(f"{path}: a line over 998 bytes")
    mail = email.message_from_bytes(raw, policy=email.policy.strict)
    defects = list(mail.defects)
    for part in mail.walk():
        defects += part.defects
        for value in part.values():
            defects += value.defects
    if defects:
        raise ValueError(f"{path}: {defects}")
    return {
        "subject": mail["subject"],
        "from": mail["from"],
        "to": mail["to"],
        "messageID": mail["message-id"],
        "headers": [[name, str(value)] for name, value in mail.items()],
        "parts": [
            {
                "type": part.get_content_type(),
                "charset": part.get_content_charset(),
                "text": part.get_content() if part.get_content_maintype() == "text" else None,
            }
            for part in mail.walk()
            if not part.is_multipart()
        ],
    }


try:
    print(json.dumps([parse(path) for path in sys.argv[1:]], ensure_ascii=False))
except (ValueError, email.errors.MessageError) as error:
    sys.exit(str(error) or type(error).__name__)
