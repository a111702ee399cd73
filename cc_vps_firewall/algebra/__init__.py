"""What a policy means, as sets of packets: exact, for every address, without a solver."""
