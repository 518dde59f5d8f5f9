"""Image and video containers, read from first to last byte without decoding a pixel: a module for each format."""
