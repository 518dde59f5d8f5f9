"""The edge as data: what has to stand at Cloudflare and in the bucket, from a description of the site alone.

Sources: https://developers.cloudflare.com/ruleset-engine/rules-language/,
https://developers.cloudflare.com/cache/how-to/cache-rules/settings/, https://www.backblaze.com/docs/cloud-storage
"""

import re
from dataclasses import dataclass
from typing import Any

from .headers import B2_HEADERS, CACHE_CONTROL, VIEWER_HEADERS

Rule = dict[str, Any]

REWRITE_PHASE = "http_request_transform"
CONFIG_PHASE = "http_config_settings"
CACHE_PHASE = "http_request_cache_settings"
HEADERS_PHASE = "http_response_headers_transform"

# What the app does with a bucket: put, delete by version, look at what others put, list for `reconcile`.
CAPABILITIES = ("writeFiles", "deleteFiles", "readFiles", "listFiles")
_DAYS_HIDDEN = 1
_DAYS_UNFINISHED = 1
_HEADERS_IN_A_RULE = 30  # Cloudflare's bound
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_BUCKET = re.compile(r"(?!b2-)[a-z0-9][a-z0-9-]{4,61}[a-z0-9]", re.IGNORECASE)
_INFO = re.compile(r"[a-z0-9\-_.`~!#$%^&*'|+]{1,50}")


@dataclass(frozen=True, slots=True)
class Site:
    """One image domain over one bucket. `friendly_host` is B2's download host, such as f004.backblazeb2.com;
    `file_info` names further metadata of other S3 clients, which B2 would show to everyone as x-bz-info-NAME.

    Raises ValueError for a name that could break out of a rule.
    """

    image_host: str
    bucket: str
    friendly_host: str
    is_private: bool = False
    file_info: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for host in (self.image_host, self.friendly_host):
            if not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is not the name of a host, in small letters")
        if not _BUCKET.fullmatch(self.bucket):
            raise ValueError(f"{self.bucket!r} is not the name of a bucket: 6 to 63 letters, digits and hyphens")
        for name in self.file_info:
            if not _INFO.fullmatch(name):
                raise ValueError(f"{name!r} is not the name of a file info")


@dataclass(frozen=True, slots=True)
class Edge:
    """What has to stand. `dns` is None and `rulesets` is empty where a Worker serves the domain.

    `rulesets` maps a phase to its rules in their order; each rule is what Cloudflare's API takes, with a stable `ref`.
    `bucket` is what B2's native API takes: bucketType, bucketInfo, lifecycleRules, corsRules.
    """

    dns: dict[str, Any] | None
    rulesets: dict[str, list[Rule]]
    bucket: dict[str, Any]


def describe(site: Site) -> Edge:
    """Return what has to stand for `site`.

    >>> describe(Site("i.example.com", "my-pictures", "f004.backblazeb2.com")).dns["content"]
    'f004.backblazeb2.com'
    """
    if site.is_private:
        return Edge(None, {}, _bucket(site))
    rulesets = {
        REWRITE_PHASE: _rewrites(site),
        CONFIG_PHASE: [_ssl(site)],
        CACHE_PHASE: [_cache(site)],
        HEADERS_PHASE: [*_headers(site), *_etags(site)],
    }
    return Edge(_dns(site), rulesets, _bucket(site))


def friendly_host(region: str) -> str:
    """Return the download host of a region, where nobody asked B2 for it.

    >>> friendly_host("us-west-004")
    'f004.backblazeb2.com'
    """
    return f"f{region.rpartition('-')[2]}.backblazeb2.com"


def _dns(site: Site) -> dict[str, Any]:
    # To the friendly host: it is the one that takes any Host; the S3 host would answer 404.
    return {"type": "CNAME", "name": site.image_host, "content": site.friendly_host, "proxied": True, "ttl": 1}


def _rule(site: Site, ref: str, description: str, action: str, parameters: dict[str, Any], *, also: str = "") -> Rule:
    return {
        "ref": f"bowerbird_{ref}",
        "description": f"Bowerbird: {description}",
        "enabled": True,
        "expression": f'(http.host eq "{site.image_host}"{also})',
        "action": action,
        "action_parameters": parameters,
    }


def _rewrites(site: Site) -> list[Rule]:
    folder = f"/file/{site.bucket}"
    # With its last slash: without it /file/my-bucket-evil/ would pass, and anybody can make such a bucket.
    # Both as the viewer wrote it and as Cloudflare reads it: a path that no rule rewrites goes to B2 as it was written,
    # and /file/another-bucket/../my-bucket/x would be a file of another bucket there.
    fields = ("http.request.uri.path", "raw.http.request.uri.path")
    is_inside = " and ".join(f'starts_with({field}, "{folder}/")' for field in fields)
    # No query reaches B2: it reads some (b2ContentType, versionId), and each one that differs would cost a download.
    no_query = {"value": ""}
    path = {"expression": f'concat("{folder}", http.request.uri.path)'}
    return [
        _rule(
            site, "path", "the path in the bucket", "rewrite", {"uri": {"path": path, "query": no_query}},
            also=f" and not ({is_inside})",
        ),
        _rule(site, "query", "no query for B2", "rewrite", {"uri": {"query": no_query}}, also=f" and {is_inside}"),
    ]  # fmt: skip


def _ssl(site: Site) -> Rule:
    # B2 listens on 443 alone: with Flexible every first view is a 522. For this host alone, not for the zone.
    return _rule(site, "ssl", "TLS up to B2, its certificate checked", "set_config", {"ssl": "strict"})


def _cache(site: Site) -> Rule:
    never = -1  # as no-store: an error that was kept would outlive its cause
    parameters = {
        "cache": True,
        "edge_ttl": {
            "mode": "respect_origin",
            "status_code_ttl": [
                {"status_code_range": {"from": 400, "to": 499}, "value": never},
                {"status_code_range": {"from": 500, "to": 599}, "value": never},
            ],
        },
        "browser_ttl": {"mode": "respect_origin"},
        "cache_key": {"ignore_query_strings_order": True},
    }
    return _rule(site, "cache", "kept as B2 says, errors never", "set_cache_settings", parameters)


def _headers(site: Site) -> list[Rule]:
    names = [*B2_HEADERS, *(f"x-bz-info-{name}" for name in site.file_info if f"x-bz-info-{name}" not in B2_HEADERS)]
    changes: list[tuple[str, dict[str, str]]] = [(name, {"operation": "remove"}) for name in names]
    changes += [(name.lower(), {"operation": "set", "value": value}) for name, value in VIEWER_HEADERS.items()]
    return [
        _rule(
            site, f"headers_{number}" if number else "headers", "B2's own headers off, ours on", "rewrite",
            {"headers": dict(changes[at : at + _HEADERS_IN_A_RULE])},
        )
        for number, at in enumerate(range(0, len(changes), _HEADERS_IN_A_RULE))
    ]  # fmt: skip


def _etags(site: Site) -> list[Rule]:
    """The version's id, and over it the content's SHA-1 where there is one: of two sources either may be missing.

    An expression over a header that is not there removes what it should set; each looks at B2's answer as it came.
    """
    is_image = " and http.response.code in {200 206 304}"
    sha1 = 'http.response.headers["x-bz-content-sha1"][0]'
    sources = (
        ("etag_version", "an ETag", 'http.response.headers["x-bz-file-id"][0]', ""),
        ("etag_content", "an ETag of the content", sha1, f" and len({sha1}) eq 40"),
    )
    return [
        _rule(
            site, ref, description, "rewrite",
            {"headers": {"etag": {"operation": "set", "expression": f'concat("\\"", {source}, "\\"")'}}},
            also=is_image + condition,
        )
        for ref, description, source, condition in sources
    ]  # fmt: skip


def _bucket(site: Site) -> dict[str, Any]:
    reading = ["b2_download_file_by_name", "s3_get", "s3_head"]
    return {
        "bucketName": site.bucket,
        "bucketType": "allPrivate" if site.is_private else "allPublic",
        "bucketInfo": {"Cache-Control": CACHE_CONTROL},  # for what other clients put without one
        "lifecycleRules": [
            {
                "fileNamePrefix": "",
                "daysFromUploadingToHiding": None,
                "daysFromHidingToDeleting": _DAYS_HIDDEN,
                "daysFromStartingToCancelingUnfinishedLargeFiles": _DAYS_UNFINISHED,
            }
        ],
        "corsRules": [
            {
                "corsRuleName": "bowerbird-read",
                "allowedOrigins": ["*"],
                "allowedOperations": reading,
                "allowedHeaders": ["range"],
                "exposeHeaders": ["content-length", "content-range"],
                "maxAgeSeconds": 86400,
            }
        ],
    }
