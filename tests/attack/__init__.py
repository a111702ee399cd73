"""Real rules attacked from outside: nmap's scans, disguised and forged packets, spoilt user-data, floods.

`make test` has a part of it, `make test-attack` all; floods assert nothing and print ratios.
"""
