"""Floods at real rules, measured. Asserts nothing: `make test-attack` prints ratios."""
