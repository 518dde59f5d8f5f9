"""Image containers, read from the first byte to the last without decoding a pixel: one module for each format."""
