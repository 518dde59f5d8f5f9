"""Stores: a bucket as the app sees it. `base` has the protocol; `folder` and `s3` are the two that keep it."""
