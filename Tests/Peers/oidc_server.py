#!/usr/bin/env python3
"""oidc-provider-mock as an OpenID Connect provider on loopback; prints {"port": N} and serves until it is ended."""
import json
import signal

from oidc_provider_mock import run_server_in_thread

with run_server_in_thread() as server:
    print(json.dumps({"port": server.server_port}), flush=True)
    signal.pause()
