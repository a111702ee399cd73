"""A plan -> a host that enforces it, now and at its next boot, or that is as it was."""
