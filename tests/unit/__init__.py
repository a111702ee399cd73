"""The modules as functions: values in, values out. No machine, no root, no process."""
