#!/usr/bin/env python3
"""Verifies a webhook with the reference implementation of Standard Webhooks.

Standard input: {"secret": "whsec_…", "headers": {…}, "body": "…"}. Prints {"valid": true} or {"valid": false, "reason"}.
"""
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

given = json.load(sys.stdin)
headers = {name.lower(): value for name, value in given["headers"].items()}
try:
    Webhook(given["secret"]).verify(given["body"], headers)
    print(json.dumps({"valid": True}))
except WebhookVerificationError as error:
    print(json.dumps({"valid": False, "reason": str(error)}))
