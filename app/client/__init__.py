"""A client of a server somewhere else: which one, what is sent, how it gets there over a bad line. No server part."""
