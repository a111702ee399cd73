"""What an image is given before any machine boots from it: the module, and a seal."""
