"""Packages of distributions and of pip: made, linted, installed, upgraded, removed."""
