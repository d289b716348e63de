"""Messages a second to a local sink, beside Debian's prometheus-alertmanager."""

import collections
import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

import provider

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
# As Prometheus sends them.
BULK = 64
# The most that the refresh loop stores at once (StoreBatcher).
EVENTS = 500
# Of each program: the first meets one that has just started.
BURSTS = 2
# Of the API, while latency is measured.
CLIENTS = 8
ADMIN_TOKEN = "bench-" + "0" * 32

SINK = """
daemon off; master_process off; worker_processes 1; pid {directory}/sink.pid; error_log {directory}/sink.err;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log {directory}/sink.log; client_body_temp_path {directory}/sink.body; proxy_temp_path {directory}/sink.proxy;
    fastcgi_temp_path {directory}/sink.f; uwsgi_temp_path {directory}/sink.u; scgi_temp_path {directory}/sink.s;
    keepalive_requests 1000000;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""

ROUTES = """
route: {{receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1m, repeat_interval: 12h}}
receivers: [{{name: hook, webhook_configs: [{{url: "http://127.0.0.1:{port}/alert", send_resolved: false}}]}}]
"""


class Sink:
    """nginx that takes every message at once; its access log counts them."""

    def __init__(self, directory):
        self.directory = directory / "sink"
        self.directory.mkdir(exist_ok=True)
        self.port = provider.free_port()
        self.seen = 0
        self.read = 0

    def __enter__(self):
        configuration = self.directory / "sink.conf"
        configuration.write_text(SINK.format(directory=self.directory, port=self.port))
        self.process = subprocess.Popen([provider.nginx(), "-p", self.directory, "-c", configuration])
        provider.wait_for(self.port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)

    def count(self):
        with open(self.directory / "sink.log", "rb") as file:
            file.seek(self.read)
            new = file.read()
        # A line may be half written.
        new = new[:new.rfind(b"\n") + 1]
        self.read += len(new)
        self.seen += new.count(b"POST ")
        return self.seen

    def wait(self, before, count, patience=120):
        """Seconds until so many more messages than `before` have come."""
        start = time.monotonic()
        while self.count() - before < count:
            if time.monotonic() - start > patience:
                raise SystemExit(f"bench: only {self.count() - before} of {count} messages after {patience} s.")
            time.sleep(0.005)
        return time.monotonic() - start


def memory(process):
    """Peak, MiB."""
    with open(f"/proc/{process.pid}/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM:"))


def alertmanager():
    """The command: of the system, or Debian's package unpacked into .build: nothing is installed, no service started."""
    found = shutil.which("prometheus-alertmanager")
    if found:
        return [found]
    root = pathlib.Path(__file__).resolve().parents[2] / ".build/bench"
    program = root / "usr/bin/prometheus-alertmanager"
    if not program.exists():
        root.mkdir(parents=True, exist_ok=True)
        print("Fetching Debian's prometheus-alertmanager into .build/bench", flush=True)
        subprocess.run(["apt-get", "-q", "download", "prometheus-alertmanager"], cwd=root, check=True)
        for package in root.glob("prometheus-alertmanager_*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True)
    # It reads its templates at a fixed path, which this process alone sees.
    share = "/usr/share/prometheus"
    return ["unshare", "--map-root-user", "--mount", "sh", "-c",
            f'mount --bind {root}{share} {share} && exec {program} "$@"', "sh"]


def peer(directory, sink, count, size):
    """Messages a second of two bursts and peak memory of alertmanager.

    Requests of so many alerts bring them, one after another.
    """
    place = pathlib.Path(directory) / f"alertmanager-{time.monotonic_ns()}"
    place.mkdir()
    (place / "routes.yml").write_text(ROUTES.format(port=sink.port))
    port = provider.free_port()
    process = subprocess.Popen(
        [*alertmanager(), f"--config.file={place}/routes.yml", f"--storage.path={place}/data",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=error"],
        stderr=subprocess.DEVNULL)
    try:
        provider.wait_for(port)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        rates = []
        for burst in range(BURSTS):
            alerts = [{"labels": {"alertname": "Dead", "channel": f"channel-{burst}-{number}", "provider": "oauth2"},
                       "annotations": {"message": "The grant is dead: authorize the channel again."}}
                      for number in range(count)]
            bodies = [json.dumps(alerts[first:first + size]).encode() for first in range(0, count, size)]
            before = sink.count()
            start = time.monotonic()
            for body in bodies:
                connection.request("POST", "/api/v2/alerts", body, {"Content-Type": "application/json"})
                connection.getresponse().read()
            sink.wait(before, count)
            rates.append(count / (time.monotonic() - start))
        return rates, memory(process)
    finally:
        process.terminate()
        process.wait(20)


class Session:
    """One connection of psql: what it costs to open is not measured."""

    def __init__(self, uri):
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", uri], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def run(self, statement):
        print(statement, ";", "\n\\echo done", file=self.process.stdin, flush=True)
        if self.process.stdout.readline().strip() != "done":
            raise SystemExit("bench: psql refused a statement.")

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Relay:
    """The product; its events are written as flagged channels write theirs."""

    def __init__(self, binary, directory, cluster, sink):
        self.cluster = cluster
        self.sink = sink
        self.name = "tokenward_relay"
        cluster.create(self.name)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(directory), "DATABASE_URL": cluster.uri(self.name),
            "TOKENWARD_DATA_DIR": str(directory / "relay"), "TOKENWARD_LISTEN": "127.0.0.1:0",
            "TOKENWARD_ADMIN_TOKEN": ADMIN_TOKEN, "TOKENWARD_ALLOW_NETWORKS": "127.0.0.0/8",
            "TOKENWARD_LOG_LEVEL": "warning", "TOKENWARD_GROUP_WAIT": "0s",
            "WEBHOOK_URL": f"http://127.0.0.1:{sink.port}/hook", "WEBHOOK_SECRET": SECRET,
        }
        self.binary = binary
        self.written = 0

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.binary, "serve"], env=self.environment, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            listening = re.search(r"listens on http://([\d.:]+)", line)
            if listening:
                self.address = listening[1]
                self.session = Session(self.cluster.uri(self.name))
                return self
        raise SystemExit(f"bench: serve ended with status {self.process.wait()}.")

    def __exit__(self, *_):
        self.session.close()
        self.process.terminate()
        self.process.wait(60)

    def write(self, count):
        """In statements as long as the refresh loop's; the first of them is followed by one that comes by the API.

        That one wakes the relay, as a channel does that the loop flags.
        """
        first, last = self.written + 1, self.written + count
        self.insert(first, first + EVENTS - 2)
        api = self.connection()
        self.post(first + EVENTS - 1, api)
        api.close()
        for number in range(first + EVENTS, last + 1, EVENTS):
            self.insert(number, min(number + EVENTS - 1, last))
        self.written = last

    def insert(self, first, last):
        self.session.run(
            f"""INSERT INTO event (kind, reason, message, payload)
                SELECT 'platform', 'event', 'The grant is dead: authorize the channel again.', jsonb_build_object(
                       'id', 'channel-' || n, 'severity', 'info', 'title', 'Dead', 'message',
                       'The grant is dead: authorize the channel again.')
                  FROM generate_series({first}, {last}) n""")

    def connection(self):
        return http.client.HTTPConnection(self.address, timeout=60)

    def post(self, number, api):
        event = {"id": f"channel-{number}", "severity": "info", "title": "Dead",
                 "message": "The grant is dead: authorize the channel again."}
        api.request("POST", "/v1/events", json.dumps(event).encode(),
                    {"Content-Type": "application/json", "Authorization": f"Bearer {ADMIN_TOKEN}"})
        answer = api.getresponse()
        answer.read()
        if answer.status >= 300:
            raise SystemExit(f"bench: an event was refused with {answer.status}.")

    def messages_a_second(self, count):
        before = self.sink.count()
        self.cluster.query("CHECKPOINT")
        start = time.monotonic()
        self.write(count)
        self.sink.wait(before, count)
        return count / (time.monotonic() - start)

    def latency(self, rate, seconds):
        """95th percentile in seconds from the commit of an event, sent to the API, to the end of its delivery.

        Several clients keep the rate; one that is late sends at once.
        """
        before = self.sink.count()
        first = self.written + 1
        numbers = range(first, first + rate * seconds)
        self.written = numbers[-1]
        start = time.monotonic()

        def send(client):
            api = self.connection()
            for number in numbers[client::CLIENTS]:
                time.sleep(max(0.0, start + (number - first) / rate - time.monotonic()))
                self.post(number, api)
            api.close()

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(send, range(CLIENTS)))
        kept = len(numbers) / (time.monotonic() - start)
        self.sink.wait(before, len(numbers))
        time.sleep(0.5)
        rows = self.cluster.query(
            f"""SELECT extract(epoch FROM d.finished_at - n.opened_at) FROM incidents n
                  JOIN delivery_items i ON i.incident_id = n.id JOIN deliveries d ON d.id = i.delivery_id
                 WHERE d.state = 'sent' AND n.cause_id LIKE 'channel-%'
                   AND substr(n.cause_id, 9)::int >= {first}""", self.name).split()
        return statistics.quantiles([float(row) for row in rows], n=100)[94], kept

    def is_durable(self):
        """Every delivery that the sink counted is in the database as sent."""
        return int(self.cluster.query("SELECT count(*) FROM deliveries WHERE state <> 'sent'", self.name)) == 0


def measure(figures, wanted, cluster, directory):
    with Sink(directory) as sink:
        relay = Relay(str(wanted.binary), directory, cluster, sink)

        def bulk():
            rates, peak = peer(directory, sink, wanted.incidents, BULK)
            figures.add("amfirst", f"alertmanager, {BULK} alerts a request: messages a second, first burst", rates[0])
            figures.add("am", f"alertmanager, {BULK} alerts a request: messages a second, second burst", rates[1])
            figures.add("ammemory", f"alertmanager, {BULK} alerts a request: peak memory, MiB", peak)

        def single():
            rates, peak = peer(directory, sink, wanted.incidents, 1)
            figures.add("amone", "alertmanager, an alert a request: messages a second, second burst", rates[1])
            figures.add("amonememory", "alertmanager, an alert a request: peak memory, MiB", peak)

        def product():
            with relay:
                rates = [relay.messages_a_second(wanted.incidents) for _ in range(BURSTS)]
                figures.add("relayfirst", "messages a second, each durable, first burst", rates[0])
                figures.add("relay", "messages a second, each durable, second burst", rates[1])
                figures.add("relaymemory", "peak memory while relaying, MiB", memory(relay.process))
                latency, kept = relay.latency(200, wanted.seconds)
                figures.add("p95", "flag to 2xx at 200 a second, p95, ms", latency * 1000)
                figures.add("kept", "flags a second that the clients kept", kept)
                time.sleep(1)
                if not relay.is_durable():
                    raise SystemExit("bench: a message that arrived is not stored as sent.")

        # What one leaves the machine to do, or to rest from, should not always meet the same other.
        parts = collections.deque([bulk, single, product])
        for number in range(wanted.rounds):
            print(f"relay round {number + 1}", flush=True)
            for part in parts:
                part()
                time.sleep(1)
            parts.rotate()
            figures.ratio("firstratio", f"messages for one of alertmanager, {BULK} alerts a request, first burst",
                          "relayfirst", "amfirst")
            figures.ratio("relayratio", f"messages for one of alertmanager, {BULK} alerts a request, second burst",
                          "relay", "am")
            figures.ratio("oneratio", "messages for one of alertmanager, an alert a request, second burst",
                          "relay", "amone")
            figures.ratio("memoryratio", f"peak memory for alertmanager's, {BULK} alerts a request",
                          "relaymemory", "ammemory")
            figures.ratio("onememoryratio", "peak memory for alertmanager's, an alert a request",
                          "relaymemory", "amonememory")
