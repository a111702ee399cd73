"""The command as a process of its own: what it costs, and where it runs."""
