"""Probes from outside: latency of an answer from memory, and the disk's own speed."""

import multiprocessing
import os
import pathlib
import socket
import statistics
import time

PACE = 0.005


def connect(address):
    host, port = address.rsplit(":", 1)
    connection = socket.create_connection((host, int(port)), 10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def latency(address, path, seconds=None, until=None):
    """Seconds of each answer on one kept connection, one request every 5 ms; `until` is asked twice a second."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    times = []
    with connect(address) as connection:
        start = asked = time.monotonic()
        while True:
            now = time.monotonic()
            if seconds and now - start > seconds:
                return times
            if until and now - asked > 0.5:
                if until():
                    return times
                asked = time.monotonic()
            before = time.perf_counter()
            exchange(connection, request)
            times.append(time.perf_counter() - before)
            time.sleep(PACE)


def exchange(connection, request):
    connection.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"bench: {answer[:60]!r}")


def figures(idle, loaded):
    return [
        ("p99idle", "/healthz p99 idle, ms", quantile(idle) * 1000),
        ("p99loaded", "/healthz p99 while renewing, ms", quantile(loaded) * 1000),
        ("worst", "/healthz worst while renewing, ms", max(loaded) * 1000),
    ]


def quantile(times):
    return statistics.quantiles(times, n=100)[98]


def requests_a_second(address, path, seconds):
    """One connection, one request after the other."""
    request = f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    count = 0
    with connect(address) as connection:
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            exchange(connection, request)
            count += 1
        return count / (time.monotonic() - start)


def tokens_a_second(address, token, channels, clients, seconds):
    """Fresh tokens taken by as many processes as there are clients, each on one kept connection."""
    with multiprocessing.Pool(clients) as pool:
        work = [(address, token, channels, number, seconds) for number in range(clients)]
        return sum(pool.map(take_tokens, work, chunksize=1))


def take_tokens(work):
    address, token, channels, number, seconds = work
    requests = [
        f"GET /v1/channels/channel-{(number * 7919 + step * 104729) % channels}/token HTTP/1.1\r\n"
        f"Host: {address}\r\nAuthorization: Bearer {token}\r\n\r\n".encode() for step in range(512)
    ]
    count = 0
    with connect(address) as connection:
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            exchange(connection, requests[count % 512])
            count += 1
        return count / (time.monotonic() - start)


def syncs_a_second(directory, seconds=1.0):
    path = pathlib.Path(directory) / "sync"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, bytes(8 << 20))
        os.fsync(descriptor)
        count = 0
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            os.pwrite(descriptor, os.urandom(8192), (count % 1024) * 8192)
            os.fdatasync(descriptor)
            count += 1
        return count / (time.monotonic() - start)
    finally:
        os.close(descriptor)
        path.unlink()
