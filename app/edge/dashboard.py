"""The edge as a person sets it up by hand: what to click, with every value filled in."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from .rules import (
    CACHE_PHASE,
    CAPABILITIES,
    CONFIG_PHASE,
    HEADERS_PHASE,
    REWRITE_PHASE,
    Edge,
    Rule,
    Site,
    describe,
)
from .worker import PROXY, READER
from .zone import PHASE_EDIT

_WHERE = {
    REWRITE_PHASE: "Rules > Overview > Create rule > URL Rewrite Rule",
    CONFIG_PHASE: "Rules > Overview > Create rule > Configuration Rule",
    CACHE_PHASE: "Caching > Cache Rules > Create rule",
    HEADERS_PHASE: "Rules > Overview > Create rule > Response Header Transform Rule",
}


def instructions(site: Site, endpoint: str, *, proxy_host: str = "", base_url: str = "") -> str:
    """Return the steps, and at their end the settings file; `endpoint` is B2's S3 address of the region."""
    edge = describe(site)
    parts = [*_bucket(edge.bucket), *_key(site)]
    if site.is_private:
        parts += _worker(READER, site.image_host, "--config read/wrangler.jsonc")
    else:
        parts += _rules(edge)
    if proxy_host:
        parts += _worker(PROXY, proxy_host, "")
    parts += _settings(site, endpoint, proxy_host, base_url)
    return "\n\n".join(f"{number}. {part}" for number, part in enumerate(parts, 1)) + "\n"


def _bucket(bucket: Mapping[str, Any]) -> Iterator[str]:
    kind = "Private" if bucket["bucketType"] == "allPrivate" else "Public"
    lifecycle = bucket["lifecycleRules"][0]
    yield (
        "Backblaze, B2 Cloud Storage > Buckets > Create a Bucket\n"
        f"   Bucket Unique Name: {bucket['bucketName']}\n"
        f"   Files in Bucket are: {kind}"
    )
    yield (
        "At the bucket, Bucket Settings > Bucket Info\n"
        f"   {json.dumps(bucket['bucketInfo'])}\n"
        "   At the bucket, Lifecycle Settings > Use custom lifecycle rules\n"
        "   File Path: (empty)\n"
        "   Days Till Hide: (empty)\n"
        f"   Days Till Delete: {lifecycle['daysFromHidingToDeleting']}\n"
        "   At the bucket, CORS Rules > Share everything in this bucket with every origin\n"
        "   Apply to: both the S3 and the B2 API"
    )


def _key(site: Site) -> Iterator[str]:
    yield (
        "Backblaze, Application Keys > Add a New Application Key\n"
        f"   Name of Key: bowerbird-{site.bucket}\n"
        f"   Allow access to Bucket(s): {site.bucket}\n"
        f"   Type of Access: Read and Write (the app needs {', '.join(CAPABILITIES)})\n"
        "   Keep both the keyID and the applicationKey: the second is shown this once"
    )
    if site.is_private:
        yield (
            "Once more, for the Worker that reads\n"
            f"   Name of Key: bowerbird-{site.bucket}-read\n"
            f"   Allow access to Bucket(s): {site.bucket}\n"
            "   Type of Access: Read Only"
        )


def _rules(edge: Edge) -> Iterator[str]:
    for phase, rules in edge.rulesets.items():
        for rule in rules:
            yield f"Cloudflare, at the zone, {_WHERE[phase]}\n" + "\n".join(f"   {line}" for line in _rule(rule))
    if edge.dns:
        yield (
            "Cloudflare, at the zone, DNS > Records > Add record (the last of them: now the rules stand)\n"
            f"   Type: {edge.dns['type']}\n"
            f"   Name: {edge.dns['name']}\n"
            f"   Target: {edge.dns['content']}\n"
            "   Proxy status: Proxied\n"
            "   TTL: Auto"
        )


def _rule(rule: Rule) -> Iterator[str]:
    yield f"Rule name: {rule['description']}"
    yield f"Custom filter expression, Edit expression: {rule['expression']}"
    parameters = rule["action_parameters"]
    uri = parameters.get("uri", {})
    if "path" in uri:
        yield f"Path: Rewrite to, Dynamic: {uri['path']['expression']}"
    if "query" in uri:
        yield "Query: Rewrite to, Static: (empty)"
    if "ssl" in parameters:
        yield "SSL/TLS encryption mode: Full (strict)"
    if parameters.get("cache"):
        yield "Cache eligibility: Eligible for cache"
        yield "Edge TTL: Use cache-control header if present, use default Cloudflare caching behavior if not"
        for one in parameters["edge_ttl"]["status_code_ttl"]:
            codes = one["status_code_range"]
            yield f"Edge TTL, status code TTL: {codes['from']} to {codes['to']}: No store"
        yield "Browser TTL: Respect origin TTL"
        yield "Cache key: Sort query string"
    for name, change in parameters.get("headers", {}).items():
        if change["operation"] == "remove":
            yield f"Remove: {name}"
        elif "expression" in change:
            yield f"Set dynamic: {name} = {change['expression']}"
        else:
            yield f"Set static: {name} = {change['value']}"


def _worker(name: str, host: str, option: str) -> Iterator[str]:
    command = f"npx wrangler deploy {option}".strip()
    yield (
        f"The Worker {name}: in worker/ of the sources, {command}, as docs/signing-proxy.md tells\n"
        f"   Cloudflare, Compute > Workers > {name} > Settings > Domains & Routes > Add > Custom domain: {host}"
    )


def _settings(site: Site, endpoint: str, proxy_host: str, base_url: str) -> Iterator[str]:
    permissions = sorted({*PHASE_EDIT.values(), "Zone > DNS > Edit"}) if not site.is_private else []
    lines = {
        "STORE": "s3",
        "S3_ENDPOINT": f"https://{proxy_host}" if proxy_host else endpoint,
        "S3_REGION": (urlsplit(endpoint).hostname or "").split(".")[1],
        "S3_BUCKET": site.bucket,
        "S3_ACCESS_KEY_ID": "(the app's own, of CLIENT_KEYS)" if proxy_host else "(the keyID)",
        "S3_SECRET_ACCESS_KEY": "(the app's own, of CLIENT_KEYS)" if proxy_host else "(the applicationKey)",
        "PUBLIC_URL": f"https://{site.image_host}",
        **({"BASE_URL": base_url} if base_url else {}),
        **({"WEBHOOK_SECRET": "(that of the Worker)"} if proxy_host and base_url else {}),
        "CLOUDFLARE_ZONE_ID": "(Overview > API > Zone ID)",
        "CLOUDFLARE_API_TOKEN": "(My Profile > API Tokens > Create Token: Zone > Cache Purge > Purge, for this zone)",
    }
    yield "The settings file, for its owner alone (chmod 600 .env)\n" + "\n".join(
        f"   BOWERBIRD_{name}={value}" for name, value in lines.items()
    )
    if permissions:
        yield "Whoever may do all this at Cloudflare has, on the zone: " + "; ".join(permissions)
