"""Faults of all that Bowerbird stands on: after each nothing that was acknowledged is lost, nothing half remains."""
