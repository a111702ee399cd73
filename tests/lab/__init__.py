"""Machines made of namespaces, the wires between them, and what looks at them: what every layer stands on."""
