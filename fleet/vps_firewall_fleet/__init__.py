"""a fleet of hosts, or an image that is being built -> are they what they have to be? From inside and from outside."""
