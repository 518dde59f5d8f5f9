"""The doctor, held to a whole chain on this machine in which one thing after another is made wrong."""
