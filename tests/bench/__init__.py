"""How fast it is beside others: `make bench`; no time is an assertion."""
