"""Proxies that add a static header, to compare with. A proxy that is not installed is left out with a notice."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.processes import serving

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream there {{ server 127.0.0.1:{upstream}; keepalive 512; }}
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location / {{
            proxy_pass http://there; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Authorization "{header}"; proxy_max_temp_file_size 0;
        }}
    }}
}}
"""

STARTS_WITHIN = 90
"""Seconds."""

ALONE = ["env", "-u", "DATABASE_URL", "LITELLM_LOCAL_MODEL_COST_MAP=True"]
"""Keeps LiteLLM from Coffer's database, and from asking elsewhere what models cost."""

LITELLM = """
general_settings:
  dangerously_permit_weak_or_unset_master_key: true
  pass_through_endpoints:
    - {{path: /fast, target: "http://127.0.0.1:{upstream}/fast", headers: {{Authorization: "{header}"}}}}
    - {{path: /slow, target: "http://127.0.0.1:{upstream}/slow", headers: {{Authorization: "{header}"}}}}
"""

MITMPROXY = """
def request(flow):
    flow.request.headers["Authorization"] = "{header}"
"""


def installed() -> list[str]:
    """The proxies that are installed; prints which are left out."""
    programs = {"nginx": "nginx", "mitmproxy": "mitmdump", "litellm": "litellm"}
    found = [name for name, program in programs.items() if shutil.which(program)]
    for name in programs:
        if name not in found:
            sys.stdout.write(f"\n*** LEFT OUT: {name} is not installed. ***\n")
    return found


@contextmanager
def running(name: str, folder: Path, port: int, upstream: int, header: str) -> Iterator[int]:
    """Run one proxy in front of the upstream; its process id."""
    command = COMMANDS[name](folder, port, upstream, header)
    with serving(command, port, seconds=STARTS_WITHIN) as pid:
        yield pid


def nginx(folder: Path, port: int, upstream: int, header: str) -> list[str | Path]:
    """One worker that keeps connections to the upstream."""
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(folder=folder, port=port, upstream=upstream, header=header))
    return [shutil.which("nginx") or "", "-p", folder, "-c", settings, "-e", folder / "error.log"]


def mitmproxy(folder: Path, port: int, upstream: int, header: str) -> list[str | Path]:
    """A script that sets the header of each request."""
    script = folder / "mitmproxy_header.py"
    script.write_text(MITMPROXY.format(header=header))
    mode = f"reverse:http://127.0.0.1:{upstream}"
    command = ["mitmdump", "-q", "--mode", mode, "--listen-host", "127.0.0.1", "-p", str(port), "-s", script]
    return [*command, "--set", f"confdir={folder}"]


def litellm(folder: Path, port: int, upstream: int, header: str) -> list[str | Path]:
    """Its pass-through, with one worker and without a key of the caller, a database or a log of calls."""
    settings = folder / "litellm.yaml"
    settings.write_text(LITELLM.format(upstream=upstream, header=header))
    return [*ALONE, "litellm", "--config", settings, "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]


COMMANDS = {"nginx": nginx, "mitmproxy": mitmproxy, "litellm": litellm}
