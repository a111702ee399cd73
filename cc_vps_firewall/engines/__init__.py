"""The modules of the engine -> what a bundle carries, made into one file: by tools/engine.py, and by nobody's hand."""
