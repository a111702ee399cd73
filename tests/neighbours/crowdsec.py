"""decisions -> CrowdSec's real firewall bouncer, which asks this stand-in for CrowdSec's own server for them.

The server itself cannot be installed where its central one is not reached. As `python -m` it answers with the addresses
in the file it is given, the way CrowdSec does: all of them first, then what has changed since.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from tests.lab.apart import running
from tests.lab.machine import Machine

PORT = 8080
BANNED = "/run/banned"
CONFIG = f"""
update_frequency: 1s
daemonize: false
log_mode: stdout
log_level: info
api_url: http://127.0.0.1:{PORT}/
api_key: key
disable_ipv6: false
deny_action: DROP
deny_log: true
deny_log_prefix: "crowdsec: "
supported_decisions_types: [ban]
blacklists_ipv4: crowdsec-blacklists
blacklists_ipv6: crowdsec6-blacklists
ipset_type: nethash
"""
# As Debian 12's package has it.
NFTABLES = """mode: nftables
nftables:
  ipv4: {enabled: true, set-only: false, table: crowdsec, chain: crowdsec-chain}
  ipv6: {enabled: true, set-only: false, table: crowdsec6, chain: crowdsec6-chain}
"""


@contextmanager
def bouncer(
    machine: Machine, banned: Sequence[str], chains: str = "[INPUT, FORWARD]", nftables: str = ""
) -> Iterator[None]:
    """The bouncer, once the addresses in `banned` are. `chains`: where it puts its rule; `nftables`: the end of a
    configuration with tables in their place."""
    machine.run(f"echo '{' '.join(banned)}' >{BANNED}")
    mode = nftables or f"mode: iptables\niptables_chains: {chains}\n"
    machine.do(lambda: machine.write("/run/bouncer.yaml", CONFIG + mode))

    def asked() -> bool:
        return "listening" in machine.run("cat /run/said.*", check=False)

    def bans() -> bool:
        listed = machine.run("nft list ruleset" if nftables else "ipset list", check=False)
        return all(f"{address} timeout" in listed for address in banned)

    server = (sys.executable, "-m", "tests.neighbours.crowdsec", BANNED)
    program = ("crowdsec-firewall-bouncer", "-c", "/run/bouncer.yaml")
    with running(machine, *server, ready=asked), running(machine, *program, ready=bans):
        yield


class _Decisions(BaseHTTPRequestHandler):
    told: frozenset[str] = frozenset()

    def do_GET(self) -> None:
        banned = frozenset(Path(sys.argv[1]).read_text(encoding="utf-8").split())
        known = frozenset() if "startup=true" in self.path else _Decisions.told
        _Decisions.told = banned
        body = json.dumps({"new": _decisions(banned - known), "deleted": _decisions(known - banned)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _decisions(addresses: frozenset[str]) -> list[dict[str, object]]:
    common = {"duration": "4h", "origin": "cscli", "scenario": "by hand", "scope": "Ip", "type": "ban"}
    return [{"id": number, "value": address, **common} for number, address in enumerate(sorted(addresses), 1)]


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", PORT), _Decisions)
    print("listening", flush=True)
    server.serve_forever()
