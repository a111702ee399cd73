"""The machine, or an image below a folder: its processes, files, services and facts."""
