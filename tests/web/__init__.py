"""What people meet on the web: workflows, the site and its builder, in a real browser."""
