"""What is decided before anything is done: which policy, in which backend, as which texts."""
