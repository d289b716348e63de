"""A token endpoint that costs little: nginx that answers every POST with a new pair."""

import os
import pathlib
import shutil
import socket
import subprocess
import time

CONFIGURATION = """
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/nginx.log error;
worker_processes 1;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    keepalive_timeout 300s;
    client_body_temp_path {directory}/nginx.body;
    proxy_temp_path {directory}/nginx.proxy;
    fastcgi_temp_path {directory}/nginx.fastcgi;
    uwsgi_temp_path {directory}/nginx.uwsgi;
    scgi_temp_path {directory}/nginx.scgi;
    server {{
        listen 127.0.0.1:{port} {tls};
        {certificate}
        default_type application/json;
        location /token {{
            return 200 '{{"access_token":"at-$request_id$request_id","token_type":"Bearer","expires_in":86400,"refresh_token":"rt-$request_id$request_id","scope":"read write"}}';
        }}
    }}
}}
"""


class Provider:
    def __init__(self, directory, plain):
        self.directory = directory / "provider"
        self.directory.mkdir()
        self.plain = plain
        self.port = free_port()
        self.certificate = self.directory / "certificate.pem"

    @property
    def url(self):
        return f"{'http' if self.plain else 'https'}://127.0.0.1:{self.port}/token"

    def __enter__(self):
        certificate = ""
        if not self.plain:
            key = self.directory / "key.pem"
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                 "-keyout", key, "-out", self.certificate, "-days", "2", "-subj", "/CN=bench",
                 "-addext", "subjectAltName=IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
            certificate = f"ssl_certificate {self.certificate}; ssl_certificate_key {key};"
        path = self.directory / "nginx.conf"
        path.write_text(CONFIGURATION.format(
            directory=self.directory, port=self.port, tls="" if self.plain else "ssl", certificate=certificate))
        self.process = subprocess.Popen([nginx(), "-p", self.directory, "-c", path, "-e", self.directory / "start.log"])
        wait_for(self.port)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def nginx():
    """nginx of the system, or Debian's package unpacked into .build: nothing is installed and no service started."""
    found = shutil.which("nginx") or "/usr/sbin/nginx"
    if os.access(found, os.X_OK):
        return found
    root = pathlib.Path(__file__).resolve().parents[2] / ".build/bench"
    program = root / "usr/sbin/nginx"
    if not program.exists():
        root.mkdir(parents=True, exist_ok=True)
        print("Fetching Debian's nginx into .build/bench", flush=True)
        subprocess.run(["apt-get", "-q", "download", "nginx"], cwd=root, check=True)
        for package in root.glob("nginx_*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True)
    return str(program)


def wait_for(port, patience=10):
    """Returns when something listens there."""
    deadline = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: nothing answers at port {port}.")
            time.sleep(0.05)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
