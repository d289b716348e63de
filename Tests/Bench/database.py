"""The cluster: a database for the product, and the same work by pgbench."""

import os
import subprocess
import tempfile
import time
import urllib.parse

PAIR = r"""
\set id random(1, :rows)
UPDATE pair SET attempt = attempt + 1, lease_until = clock_timestamp() + interval '2 minutes'
 WHERE id = :id RETURNING attempt, sealed;
UPDATE pair SET written = attempt, lease_until = NULL, due_at = now() + interval '1 hour', sealed = sealed
 WHERE id = :id;
"""

READ = r"""
\set id random(0, :rows - 1)
SELECT sealed, epoch, access_expires_at FROM credentials WHERE channel_id = 'channel-' || :id;
"""


class Database:
    def __init__(self, uri):
        self.base = uri
        self.name = None
        self.version = self.query("SHOW server_version").split()[0]
        self.fsync = self.query("SHOW fsync")

    def uri(self, name):
        parts = urllib.parse.urlsplit(self.base)
        return parts._replace(path="/" + name).geturl() if parts.netloc else self.base.replace("/postgres?", f"/{name}?")

    def query(self, sql, name=None):
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql,
                   self.uri(name) if name else self.base]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def create(self, name):
        self.query(f"CREATE DATABASE {name}")
        self.name = name

    def make_due(self):
        """Everything is due now, as after an outage; what that cost is not measured."""
        self.query("UPDATE schedule SET due_at = now() - interval '1 second'", self.name)
        self.query("CHECKPOINT")

    def prepare_pairs(self, rows):
        self.query(f"""
            CREATE TABLE pair (id int PRIMARY KEY, attempt int8, written int8, lease_until timestamptz,
                due_at timestamptz, sealed bytea) WITH (fillfactor = 70);
            INSERT INTO pair SELECT i, 1, 1, NULL, now(), decode(repeat('5a', 420), 'hex') FROM generate_series(1, {rows}) i;
            ANALYZE pair""", self.name)
        self.rows = rows

    def reads_a_second(self, rows, clients, seconds):
        """One credential row by its primary key."""
        return self.pgbench(READ, rows, clients, seconds)

    def pairs_a_second(self, seconds):
        """Claim and store of one row each, in two transactions, by 16 clients on 2 threads."""
        self.query("CHECKPOINT")
        result = self.pgbench(PAIR, self.rows, 16, seconds)
        time.sleep(0.2)
        return result

    def pgbench(self, text, rows, clients, seconds):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(text)
            script.flush()
            command = ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds),
                       "-D", f"rows={rows}", "-f", script.name, self.uri(self.name)]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout
        return next(float(line.split()[2]) for line in output.splitlines() if line.startswith("tps ="))
