"""A stand-in for Cloudflare: what it does to requests into a Worker and out of it, for viewers, and what it keeps."""

from .cache_side import WorkerCache
from .public_side import Edge
from .worker_side import MAX_BODY, Egress, Ingress

__all__ = ["MAX_BODY", "Edge", "Egress", "Ingress", "WorkerCache"]
