"""What loads rules into the kernel: nft(8), and iptables-restore(8) of either kind."""
