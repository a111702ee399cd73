"""`make image`: an image by packer, its machines, and what the fleet suite finds when one of them is wrong."""
