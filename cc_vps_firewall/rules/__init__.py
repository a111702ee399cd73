"""Policy -> rules -> the texts that a tool loads, and what two texts differ in: values in, values out."""
