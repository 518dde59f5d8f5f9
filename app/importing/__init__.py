"""Images taken over from a folder, a list of addresses or another image host: each once, however often it is begun.

`incoming` says what a source hands over, each source has its module, and `run` takes what they hand over.
"""
