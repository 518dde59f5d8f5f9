"""Cloudflare and B2 as they have to stand around the app: rules as data, set-up, purge."""
