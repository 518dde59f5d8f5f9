"""The table of known symptoms, in the order in which they are tried; docs/doctor.md shows it."""

from .symptom import Hop, Symptom

_KEYS = "BOWERBIRD_S3_ACCESS_KEY_ID and BOWERBIRD_S3_SECRET_ACCESS_KEY"
_CAP = "raise it at Caps & Alerts in B2, or wait for 00:00 UTC"

_CLOUDFLARE = (
    Symptom(
        "1016 or 530", "the name that the DNS record points to does not exist",
        "point the CNAME to the download host of the bucket, such as f004.backblazeb2.com", r"\b1016\b|^$", {530},
        Hop.CLOUDFLARE,
    ),
    Symptom(
        "1101", "the Worker failed with an error that it did not catch",
        "deploy it again and look at `npx wrangler tail`: the signing proxy, or the read Worker where it is the public"
        " address that says so", r"\b1101\b", hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "1102", "the Worker used up its CPU time",
        "free plans have 10 ms a request: look at `npx wrangler tail` for what takes it", r"\b1102\b",
        hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "1015", "Cloudflare limits the rate of requests",
        "wait a minute; then look for a rate limiting rule of the zone, or for more than 1,000 requests a minute to"
        " Workers of a free plan", r"\b1015\b", hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "1027", "the account's Workers had their 100,000 requests of today",
        "wait for 00:00 UTC, or take the paid plan; keep the route failing closed", r"\b1027\b", hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "1014", "the DNS record points to a name in a zone of another Cloudflare account",
        "point the CNAME to the download host of the bucket itself", r"\b1014\b", hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "1020 or a 403 page", "a firewall rule of the zone refused the request",
        "look at Security > Events of the zone for the rule, and except this host from it",
        r"\b1020\b|attention required|you have been blocked|just a moment", {403, 429, 503}, Hop.CLOUDFLARE,
    ),
    Symptom(
        "413 as a page", "the body is larger than Cloudflare passes on",
        "100 MB on the Free and Pro plans: lower BOWERBIRD_MAX_UPLOAD_BYTES, or send larger objects in parts",
        statuses={413}, hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "520", "Cloudflare could not read what B2 answered",
        "try again; if it stays, look at Cloudflare's and B2's status", statuses={520}, hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "521", "what the DNS record points to refuses connections",
        "point the CNAME to the download host of the bucket, such as f004.backblazeb2.com", statuses={521},
        hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "522", "the SSL mode is Flexible, so Cloudflare dials port 80, where B2 does not listen",
        "set SSL/TLS of this host to Full (strict); `bowerbird setup` has a rule for it", statuses={522},
        hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "523", "Cloudflare finds no way to what the DNS record points to",
        "point the CNAME to the download host of the bucket, such as f004.backblazeb2.com", statuses={523},
        hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "524", "B2 was connected but did not answer Cloudflare in time", "try again; if it stays, look at B2's status",
        statuses={524}, hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "525", "no TLS between Cloudflare and what the DNS record points to",
        "point the CNAME to the download host of the bucket, such as f004.backblazeb2.com", statuses={525},
        hop=Hop.CLOUDFLARE,
    ),
    Symptom(
        "526", "the certificate of what the DNS record points to is not valid for that name",
        "point the CNAME to the download host of the bucket itself, such as f004.backblazeb2.com: its certificate is"
        " for *.backblazeb2.com", statuses={526}, hop=Hop.CLOUDFLARE,
    ),
)  # fmt: skip

_CAPS = (
    Symptom(
        "403 storage cap exceeded", "the account's cap on storage is reached", _CAP, "storage.cap.exceeded|storage_cap",
        {403},
    ),
    Symptom(
        "403 download cap exceeded", "the account's cap on downloads or class B transactions is reached", _CAP,
        r"cannot download file.*cap exceeded|download_cap", {403},
    ),
    Symptom(
        "403 transaction cap exceeded", "the account's cap on transactions is reached", _CAP,
        "cap exceeded|cap_exceeded", {403},
    ),
)  # fmt: skip

_SIGNING = (
    Symptom(
        "SignatureDoesNotMatch with HostId bowerbird-signing-proxy",
        "the secret access key is not the one that the signing proxy has for this access key id",
        f"compare {_KEYS} with the pair in the Worker's CLIENT_KEYS", "SignatureDoesNotMatch", hop=Hop.PROXY,
    ),
    Symptom(
        "SignatureDoesNotMatch, 'Signature validation failed.' with the full stop",
        "the endpoint is the published sample proxy, which signs headers that Cloudflare rewrites",
        "deploy the signing proxy of worker/ in its place", "SignatureDoesNotMatch", hop=Hop.SAMPLE,
    ),
    Symptom(
        "SignatureDoesNotMatch, 'Signature validation failed' without the full stop",
        "B2 itself refuses the signature: its secret key or the region is wrong",
        "behind the signing proxy, put B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY into the Worker anew; without it,"
        " check BOWERBIRD_S3_SECRET_ACCESS_KEY, and that BOWERBIRD_S3_REGION is the bucket's", "SignatureDoesNotMatch",
        hop=Hop.B2,
    ),
    Symptom(
        "InvalidAccessKeyId with HostId bowerbird-signing-proxy", "the signing proxy does not know this access key id",
        "put it into the Worker's CLIENT_KEYS, or correct BOWERBIRD_S3_ACCESS_KEY_ID", "InvalidAccessKeyId",
        hop=Hop.PROXY,
    ),
    Symptom(
        "InvalidAccessKeyId",
        "B2 does not know this key: it was removed, or it is the master key, which S3 does not take",
        "make an application key for the bucket; behind the signing proxy it is B2_APPLICATION_KEY_ID",
        "InvalidAccessKeyId",
    ),
    Symptom(
        "RequestTimeTooSkewed", "the clock of this machine is more than 15 minutes off",
        "let NTP set the clock (`timedatectl set-ntp true`)", "RequestTimeTooSkewed",
    ),
    Symptom(
        "AuthorizationHeaderMalformed", "the region is not the one of the endpoint",
        "set BOWERBIRD_S3_REGION to the region that the answer names", "AuthorizationHeaderMalformed",
    ),
    Symptom(
        "400 header is listed in signed headers, but is not present",
        "something on the way took away a header that was signed",
        "an old proxy between: deploy the signing proxy of worker/", "listed in signed headers", {400},
    ),
    Symptom(
        "400 Unsupported header", "an SDK sends checksums that B2 does not take",
        "set request_checksum_calculation to when_required in that client; Bowerbird and the signing proxy do so",
        "unsupported header", {400},
    ),
)  # fmt: skip

_RIGHTS = (
    Symptom(
        "403 this key is for names that begin with …", "the signing proxy restricts this key to a prefix",
        "take the prefix out of the key in the Worker's CLIENT_KEYS: uploads have none", "for names that begin with",
        {403}, Hop.PROXY,
    ),
    Symptom(
        "403 this key is for another bucket", "the signing proxy restricts this key to another bucket",
        "correct BOWERBIRD_S3_BUCKET, or the bucket of the key in the Worker's CLIENT_KEYS", "for another bucket",
        {403}, Hop.PROXY,
    ),
    Symptom(
        "403 this key may not …", "the signing proxy does not allow this operation to the key",
        "add it to the operations of the key in the Worker's CLIENT_KEYS", "this key may not", {403}, Hop.PROXY,
    ),
    Symptom(
        "403 not entitled", "the application key lacks a capability, or is for another bucket or prefix",
        "make a key for this bucket, without a prefix, with writeFiles, deleteFiles, readFiles and listFiles",
        "not entitled|AccessDenied", {403}, Hop.B2, is_public=False,
    ),
    Symptom(
        "NoSuchBucket", "there is no bucket of this name in this region",
        "correct BOWERBIRD_S3_BUCKET, and BOWERBIRD_S3_ENDPOINT for its region", "NoSuchBucket", is_public=False,
    ),
    Symptom(
        "500 the signing proxy is not set up", "a variable or secret of the Worker is missing or wrong",
        "the answer names it: set it with `npx wrangler secret put`, deploy again", "is not set up", {500}, Hop.PROXY,
    ),
    Symptom(
        "503 what answered was not B2", "the signing proxy's B2_ENDPOINT is not B2's S3 host, or B2 is in trouble",
        "check B2_ENDPOINT of the Worker, such as s3.us-west-004.backblazeb2.com", "what answered was not B2", {503},
        Hop.PROXY,
    ),
    Symptom(
        "503 SlowDown or no tomes available", "B2 is busy, as it is by design now and then",
        "run the doctor again in a minute; uploads are repeated by themselves", statuses={429, 500, 502, 503, 504},
        pattern="SlowDown|ServiceUnavailable|InternalError|tomes|too_busy|service_unavailable|too_many_requests",
    ),
    Symptom(
        "HTML instead of XML", "what answers at the endpoint is not S3",
        "correct BOWERBIRD_S3_ENDPOINT: the Worker's address, or s3.REGION.backblazeb2.com; no page, console or"
        " sign-in may stand before it", r"<html|<!doctype", is_public=False,
    ),
)  # fmt: skip

_READER = (
    Symptom(
        "500 the read Worker is not set up", "a variable or secret of the read Worker is missing or wrong",
        "the answer names it: set it with `npx wrangler secret put --config read/wrangler.jsonc`, deploy again",
        "is not set up", {500}, Hop.READER,
    ),
    Symptom(
        "503 the image store does not let this host read",
        "B2 refuses the read Worker: its key is wrong, lacks readFiles, or is for another bucket than B2_BUCKET",
        "put B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY into the read Worker anew; `npx wrangler tail` says more",
        "does not let this host read", {503}, Hop.READER,
    ),
    Symptom(
        "503 no downloads left for today", "the account's cap on downloads or class B transactions is reached", _CAP,
        "no downloads left", {503}, Hop.READER,
    ),
    Symptom(
        "503 the image store does not answer", "B2 did not answer the read Worker in three attempts",
        "try again in a minute; if it stays, check B2_ENDPOINT of the read Worker and look at B2's status",
        "does not answer right now", {503}, Hop.READER,
    ),
    Symptom(
        "500 the read Worker failed", "the read Worker failed with an error that it did not expect",
        "deploy it again and look at `npx wrangler tail --config read/wrangler.jsonc`", "read Worker failed", {500},
        Hop.READER,
    ),
)  # fmt: skip

_PUBLIC = (
    Symptom(
        "404 as XML at the public address", "the DNS record points to B2's S3 host, which takes no other name",
        "point the CNAME to the download host, such as f004.backblazeb2.com", r"<Code>NoSuch(Key|Bucket)|<Error>",
        {400, 403, 404}, is_public=True,
    ),
    Symptom(
        "401 unauthorized at the public address", "the bucket is private",
        "make it public, or set up the read Worker: `bowerbird setup --private`", r'"unauthorized"|bad_auth_token',
        {401}, is_public=True,
    ),
    Symptom(
        "no_payment_history", "B2 lets nobody make a public bucket who never paid",
        "add a payment to the account, or serve the private bucket with the read Worker: `bowerbird setup --private`",
        "no_payment_history",
    ),
    Symptom(
        "email_not_verified", "B2 lets nobody make a public bucket whose address is not confirmed",
        "confirm the e-mail address of the account", "email_not_verified",
    ),
)  # fmt: skip

SYMPTOMS = (*_CLOUDFLARE, *_CAPS, *_SIGNING, *_RIGHTS, *_READER, *_PUBLIC)
