"""Imports: every source, and what happens when one is interrupted."""
