"""user-data -> a machine that boots with it, watched from outside: the boot lab."""
