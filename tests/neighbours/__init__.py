"""Other people's programs on our machine: the real ones, with real rules and packets."""
