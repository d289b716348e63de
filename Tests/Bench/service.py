"""The product under measurement."""

import csv
import datetime
import os
import re
import subprocess
import time
import urllib.request

CATALOGUE = """
schema_version: 1
providers:
  oauth2:
    connection_params: {{}}
    endpoints: {{token: "{url}", refresh: "{url}"}}
    policy: {{min_interval: 0s, min_age: 0s}}
"""


class Service:
    def __init__(self, binary, directory, uri, mock):
        self.binary = binary
        self.directory = directory
        self.admin_token = "bench-" + "0" * 32
        catalogue = directory / "catalogue.yaml"
        catalogue.write_text(CATALOGUE.format(url=mock.url))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(directory), "DATABASE_URL": uri,
            "TOKENWARD_DATA_DIR": str(directory / "data"), "TOKENWARD_LISTEN": "127.0.0.1:0",
            "TOKENWARD_ADMIN_TOKEN": self.admin_token, "TOKENWARD_CATALOGUE": str(catalogue),
            "TOKENWARD_ALLOW_NETWORKS": "127.0.0.0/8", "TOKENWARD_LOG_LEVEL": "warning",
            "TOKENWARD_APP_OAUTH2_CLIENT_ID": "bench", "TOKENWARD_APP_OAUTH2_CLIENT_SECRET": "bench-secret",
        }
        if not mock.plain:
            self.environment["TOKENWARD_CA_FILE"] = str(mock.certificate)

    def import_channels(self, count):
        """All in one file and one transaction; channels a second, start of the process included."""
        path = self.directory / "channels.csv"
        now = datetime.datetime.now(datetime.timezone.utc)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "tenant_id", "provider", "access_token", "refresh_token", "access_issued_at",
                             "access_expires_at"])
            for number in range(count):
                writer.writerow([f"channel-{number}", f"tenant-{number % 500}", "oauth2", f"at-{number:060}",
                                 f"rt-{number:060}", int(now.timestamp()) - 3600, int(now.timestamp()) + 60])
        subprocess.run([self.binary, "migrate"], env=self.environment, check=True, stdout=subprocess.DEVNULL)
        start = time.monotonic()
        subprocess.run([self.binary, "channels", "import", path], env=self.environment, check=True)
        return count / (time.monotonic() - start)

    def serving(self):
        return Server(self)


class Server:
    def __init__(self, service):
        self.service = service

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.service.binary, "serve"], env=self.service.environment, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            found = re.search(r"listens on http://([\d.:]+)", line)
            if found:
                self.started = time.monotonic()
                self.address = found[1]
                self.cpu_at_start = self.cpu()
                return self
        raise SystemExit(f"bench: serve ended with status {self.process.wait()}.")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()

    def cpu(self):
        """User and system seconds of the process so far."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, name="VmHWM"):
        """MiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(name + ":"))

    def ends(self):
        """Refresh attempts that have ended, by outcome."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return {outcome: float(value) for outcome, value in
                re.findall(r'^tokenward_refreshes_total\{[^}]*outcome="(\w+)"[^}]*\} ([\d.e+]+)', text, re.M)}

    def is_renewed(self, count):
        ends = self.ends()
        if set(ends) - {"renewed"}:
            raise SystemExit(f"bench: not every refresh was a renewal: {ends}")
        return ends.get("renewed", 0) >= count

    def renew(self, count, patience=300):
        """Waits until `count` channels are renewed, counted from the start line."""
        while not self.is_renewed(count):
            if time.monotonic() - self.started > patience:
                raise SystemExit(f"bench: only {self.ends()} after {patience} s.")
            time.sleep(0.05)
        return Renewal(count, time.monotonic() - self.started, self.cpu() - self.cpu_at_start, self.memory())


class Renewal:
    def __init__(self, count, seconds, cpu, memory):
        self.count, self.seconds, self.cpu, self.memory = count, seconds, cpu, memory

    def figures(self):
        return [
            ("renewals", "renewals a second, start line to all stored", self.count / self.seconds),
            ("cpu", "own CPU of one renewal, ms", self.cpu * 1000 / self.count),
            ("memory", "peak memory, MiB", self.memory),
        ]
