"""a built image, or any fleet of hosts -> are they what they have to be? testinfra, from inside and from outside."""
