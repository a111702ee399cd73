"""user-data -> a Debian machine after its own cloud-init has booted it, in four versions of cloud-init."""
