"""a shell line, or a policy -> the peak memory in KiB of the tools it starts, or of converge() itself.

Run as a program of its own: a process that has measured other things already is heavier than it should be.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from pathlib import Path


def main() -> None:
    what = json.loads(sys.argv[1])
    if isinstance(what, str):
        subprocess.run(["sh", "-c", what], check=True)
        kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    else:
        from cc_vps_firewall.cli.apply import apply
        from cc_vps_firewall.host import facts

        apply(what, facts.inspect())
        kib = int(re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))[0])
    print(kib)


if __name__ == "__main__":
    main()
