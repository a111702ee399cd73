"""The version: here and nowhere else. Packages, pages and bundles take it from here."""

VERSION = "0.2.0"
