"""What can be wrong with what viewers get, one thing at a time: how it is made so, and what is to be found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.doctor import wrong
from tests.doctor.chain import BUCKET, IMAGE_HOST, Chain
from tests.doctor.wrong import CLOUDFLARE
from tests.edge import Origin


@dataclass(frozen=True)
class Harm:
    """`check` is the first one that does not pass, at `level`; `word` stands in what it says. `also` are the others
    that fail for the same reason; no check but these may."""

    name: str
    does: Callable[[Chain], Any]
    check: str
    word: str
    level: str = "fail"
    also: tuple[str, ...] = ()


_UNSAFE = f'(http.host eq "{IMAGE_HOST}" and not starts_with(http.request.uri.path, "/file/{BUCKET}"))'
_UNQUOTED = {"headers": {"etag": {"operation": "set", "expression": 'http.response.headers["x-bz-file-id"][0]'}}}
_KEPT = {
    "edge_ttl": {
        "mode": "respect_origin",
        "status_code_ttl": [{"status_code_range": {"from": 400, "to": 499}, "value": 180}],
    }
}

PUBLIC = (
    Harm("Flexible SSL", wrong.parameters("ssl", ssl="flexible"), "public host", "Full (strict)"),
    Harm("the record is not proxied", wrong.record(proxied=False), "public TLS", "orange cloud"),
    Harm("there is no DNS record", wrong.no_record, "public address", "make the DNS record"),
    Harm("the CNAME names the S3 host", wrong.s3_host, "public host", "download host"),
    Harm("the CNAME names nothing", wrong.record(content="f999.backblazeb2.com"), "public host", "1016"),
    Harm(
        "a bad certificate behind",
        wrong.origin("f004.backblazeb2.com", Origin(("127.0.0.1", 1), is_trusted=False)),
        "public host",
        "526",
    ),
    Harm("the target is closed", wrong.origin("f004.backblazeb2.com", Origin(("127.0.0.1", 1))), "public host", "521"),
    Harm(
        "no header rule",
        wrong.rule("headers", enabled=False),
        "public headers of B2",
        "x-bz-file-name",
        also=("public security headers",),
    ),
    Harm("one info name leaks", wrong.without("x-bz-info-mtime"), "public headers of B2", "x-bz-info-mtime"),
    Harm("no nosniff", wrong.without("x-content-type-options"), "public security headers", "X-Content-Type-Options"),
    Harm("no policy", wrong.without("content-security-policy"), "public security headers", "Content-Security-Policy"),
    Harm(
        "no ETag rule",
        lambda chain: [chain.edge.rule(ref).update(enabled=False) for ref in ("etag_version", "etag_content")],
        "public ETag",
        "x-bz-file-id",
    ),
    Harm(
        "the published ETag",
        lambda chain: [
            chain.edge.rule(ref).update(action_parameters=_UNQUOTED) for ref in ("etag_version", "etag_content")
        ],
        "public ETag",
        "in quotes",
    ),
    Harm("no cache rule", wrong.rule("cache", enabled=False), "public cache rule", "cache rule"),
    Harm(
        "a rule that bypasses the cache",
        wrong.rule("cache", action_parameters={"cache": False}),
        "public cache",
        "bypass",
    ),
    Harm(
        "development mode",
        lambda chain: chain.edge.zone.settings.update(development_mode="on"),
        "public cache rule",
        "development mode",
    ),
    Harm("errors are kept", wrong.parameters("cache", **_KEPT), "public errors", "no 4xx"),
    Harm(
        "a browser TTL of its own",
        wrong.parameters("cache", browser_ttl={"mode": "override_origin", "default": 3600}),
        "public Cache-Control",
        "respect origin",
    ),
    Harm("no rewrite rule", wrong.rule("path", enabled=False), "public image", "URL rewrite"),
    Harm("the published rewrite", wrong.rule("path", expression=_UNSAFE), "other buckets", "slash"),
    Harm("a rewrite that does not see dots", wrong.seen_path_alone, "other buckets", "raw.http.request.uri.path"),
    Harm("queries pass", wrong.plain_query, "public query", "drop the query"),
    Harm("Polish", wrong.seen_through(wrong.polish), "public bytes", "Polish"),
    Harm(
        "Polish with WebP", wrong.seen_through(wrong.to_webp), "public bytes", "Polish", also=("public content type",)
    ),
    Harm("another content type", wrong.seen_through(wrong.as_text), "public content type", "binary/octet-stream"),
    Harm(
        "a private bucket",
        wrong.viewers_get(401, '{"code": "unauthorized", "message": "no", "status": 401}', "application/json"),
        "public host",
        "private",
    ),
    Harm("a rate limit", wrong.viewers_get(429, "error code: 1015", "text/plain"), "public host", "rate"),
    Harm(
        "a redirect",
        wrong.viewers_get(301, "", "text/html", [*CLOUDFLARE, ("Location", f"https://{IMAGE_HOST}/x")]),
        "public host",
        "redirect",
    ),
    Harm(
        "the firewall", wrong.viewers_get(403, "Attention Required! cloudflare", "text/html"), "public host", "Events"
    ),
    Harm(
        "a page for everything",
        wrong.viewers_get(200, "<html>hello</html>", "text/html"),
        "public host",
        "something else",
    ),
    Harm(
        "another cache",
        wrong.viewers_get(404, '{"code": "x"}', "application/json", [("Server", "nginx")]),
        "public proxy",
        "orange cloud",
    ),
)

PRIVATE = (
    Harm("a read Worker that is not set up", wrong.reader(B2_BUCKET=""), "public host", "B2_BUCKET is not set"),
    Harm(
        "a read Worker with a wrong secret",
        wrong.reader(B2_APPLICATION_KEY="not-the-application-key"),
        "public host",
        "B2_APPLICATION_KEY into the read Worker",
    ),
    Harm("a read Worker that may not read", wrong.reader(B2_APPLICATION_KEY_ID="no-read"), "public host", "readFiles"),
    Harm("a read Worker without its bucket", wrong.reader(B2_BUCKET="bowerbird-none"), "public host", "B2_BUCKET"),
    Harm(
        "a read Worker that has no downloads left",
        wrong.viewers_get(503, "The image store has no downloads left for today; they begin anew …", "text/plain"),
        "public host",
        "00:00 UTC",
    ),
    Harm(
        "a read Worker that breaks down",
        wrong.viewers_get(500, wrong.page(1101), "text/html"),
        "public host",
        "or the read Worker",
    ),
    Harm(
        "a read Worker over another bucket",
        wrong.viewers_get(404, "There is no such image.\n", "text/plain; charset=utf-8"),
        "public image",
        "another bucket",
    ),
)

PURGE = (
    Harm("a token that may not purge", wrong.no_purge_right, "public deletion", "Cache Purge"),
    Harm("a purge that does nothing", wrong.idle_purge, "public deletion", "CLOUDFLARE_ZONE_ID"),
    Harm(
        "an API that is away",
        lambda chain: chain.edge.api.trouble(500, "purge_cache", times=9),
        "public deletion",
        "again",
    ),
    Harm(
        "nobody may purge",
        wrong.settings(cloudflare_api_token="", cloudflare_zone_id=""),
        "public deletion",
        "a year",
        "warn",
    ),
)
