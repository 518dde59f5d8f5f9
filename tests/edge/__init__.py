"""A stand-in for Cloudflare: what it does to requests into a Worker, to those out of it, and for viewers."""

from .public_side import Edge
from .worker_side import MAX_BODY, Egress, Ingress

__all__ = ["MAX_BODY", "Edge", "Egress", "Ingress"]
