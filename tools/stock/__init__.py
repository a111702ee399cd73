"""Modules that take the place of the package's own in a bundle's engine: a stock image is a running system on which
nothing of ours was before."""
