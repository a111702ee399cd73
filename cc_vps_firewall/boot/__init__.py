"""What cloud-init calls: a first boot, and each that follows."""
