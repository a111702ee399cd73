"""The engine on a machine broken on purpose: killed, full, locked, with tools that lie. Never open, never half."""
