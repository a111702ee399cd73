"""What keeps the repository true, and is never shipped: `make generate` (generate.py) and what it is made of."""
