"""python3 -m cc_vps_firewall -> the command."""

import sys

from .cli.command import main

if __name__ == "__main__":
    sys.exit(main())
