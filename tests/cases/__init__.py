"""case folders: policies, their hosts, and what must become of packets; see README.md here."""
