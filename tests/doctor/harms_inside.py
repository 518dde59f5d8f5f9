"""What can be wrong behind what viewers get: at the endpoint, between Worker and app, on the app's machine."""

from tests.b2 import Fault
from tests.conftest import free_port
from tests.doctor import wrong, wrong_here
from tests.doctor.chain import IMAGE_HOST
from tests.doctor.harms import Harm
from tests.doctor.wrong import CLOUDFLARE

_SAMPLE = (
    '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>'
    "SignatureDoesNotMatch</Code><Message>Signature validation failed.</Message></Error></ErrorResponse>"
)
ENDPOINT = (
    Harm("another region", wrong.settings(s3_region="us-east-1"), "signature", "expecting 'us-west-004'"),
    Harm(
        "a wrong secret for the proxy",
        wrong.settings(s3_secret_access_key="not-the-secret-access-key"),
        "signature",
        "CLIENT_KEYS",
    ),
    Harm("a key that the proxy does not know", wrong.settings(s3_access_key_id="nobody"), "signature", "CLIENT_KEYS"),
    Harm(
        "a wrong secret in the proxy",
        wrong.worker(B2_APPLICATION_KEY="not-the-application-key"),
        "signature",
        "B2_APPLICATION_KEY",
    ),
    Harm(
        "a wrong secret for B2",
        wrong.straight(s3_secret_access_key="not-the-application-key"),
        "signature",
        "BOWERBIRD_S3_SECRET_ACCESS_KEY",
    ),
    Harm("another region for B2", wrong.straight(s3_region="us-east-1"), "signature", "BOWERBIRD_S3_REGION"),
    Harm(
        "the storage cap",
        lambda chain: chain.b2.faults.add(Fault("cap", 99, "PUT", which="storage")),
        "bucket PUT",
        "Caps & Alerts",
    ),
    Harm(
        "the transaction cap",
        lambda chain: chain.b2.faults.add(Fault("cap", 99)),
        "signature",
        "Caps & Alerts",
        also=("public host",),
    ),
    Harm(
        "a key without deleteFiles",
        wrong.worker(B2_APPLICATION_KEY_ID="no-delete"),
        "bucket DELETE",
        "deleteFiles",
        also=("clean-up",),
    ),
    Harm("a key without readFiles", wrong.worker(B2_APPLICATION_KEY_ID="no-read"), "bucket GET", "readFiles"),
    Harm("a key for another prefix", wrong.worker(B2_APPLICATION_KEY_ID="prefixed"), "bucket PUT", "prefix"),
    Harm("a key for another bucket", wrong.worker(B2_APPLICATION_KEY_ID="elsewhere"), "bucket PUT", "this bucket"),
    Harm("a prefix at the proxy", lambda chain: chain.client(prefix="phone/"), "bucket PUT", "CLIENT_KEYS"),
    Harm(
        "a bucket that is not there",
        wrong.straight(s3_bucket="bowerbird-none", s3_access_key_id="anywhere"),
        "signature",
        "BOWERBIRD_S3_BUCKET",
    ),
    Harm(
        "a page instead of XML",
        wrong.endpoint_says(200, "<html>Welcome to nginx</html>"),
        "endpoint",
        "BOWERBIRD_S3_ENDPOINT",
    ),
    Harm("1101", wrong.endpoint_says(500, wrong.page(1101), headers=CLOUDFLARE), "endpoint", "wrangler tail"),
    Harm("1015", wrong.endpoint_says(429, wrong.page(1015), headers=CLOUDFLARE), "endpoint", "rate"),
    Harm("1027", wrong.endpoint_says(429, wrong.page(1027), headers=CLOUDFLARE), "endpoint", "100,000 requests"),
    Harm(
        "the published sample proxy", wrong.endpoint_says(403, _SAMPLE, "application/xml"), "signature", "sample proxy"
    ),
    Harm("a proxy that is not set up", wrong.worker(B2_ENDPOINT=""), "endpoint", "B2_ENDPOINT is not set"),
    Harm("an old proxy", wrong.older, "signing proxy", "wrangler deploy", "warn"),
    Harm("nobody listens", wrong.nowhere("s3_endpoint"), "endpoint", "BOWERBIRD_S3_ENDPOINT"),
    Harm(
        "the endpoint has no address", wrong.settings(s3_endpoint="https://s3.example.com"), "endpoint", "spelt right"
    ),
)

APP = (
    Harm(
        "another webhook secret in the Worker",
        wrong.worker(WEBHOOK_SECRET="another-webhook-secret"),
        "webhook",
        "not signed with our secret",
    ),
    Harm("no webhook in the Worker", wrong.worker(WEBHOOK_URL=""), "webhook", "WEBHOOK_URL"),
    Harm(
        "a server with another webhook secret",
        wrong.settings(webhook_secret="another-webhook-secret"),
        "webhook address",
        "start the server again",
    ),
    Harm("no webhook secret", wrong.settings(webhook_secret=""), "webhook address", "WEBHOOK_URL", "warn"),
    Harm("no proxy, so no webhook", wrong.straight(), "webhook", "event notification rule", "warn"),
    Harm("no server", wrong.nowhere("base_url"), "app", "bowerbird serve"),
    Harm("another server", lambda chain: chain.changes.update(base_url=chain.endpoint), "app", "BOWERBIRD_BASE_URL"),
)

LOCAL = (
    Harm("a catalog that is read-only", wrong_here.read_only, "catalog writing", "read-only"),
    Harm("a catalog whose journal cannot be changed", wrong_here.read_only_journal, "catalog", "read-only"),
    Harm("an old schema", wrong_here.revision("0001"), "catalog schema", "db upgrade"),
    Harm("a schema of the future", wrong_here.revision("9999"), "catalog schema", "newer"),
    Harm(
        "no catalog",
        wrong.settings(database_url="sqlite:////tmp/no-such-folder/catalog.sqlite3"),
        "catalog",
        "db upgrade",
    ),
    Harm("no worker", wrong_here.elsewhere, "worker", "bowerbird worker"),
    Harm("a worker that hangs", wrong_here.stuck, "worker", "hangs"),
    Harm(
        "no data folder",
        lambda chain: [wrong_here.elsewhere(chain), chain.changes.update(data_dir="/proc/no-such-folder")],
        "data folder",
        "BOWERBIRD_DATA_DIR",
    ),
    Harm(
        "Redis is away",
        lambda chain: chain.changes.update(redis_url=f"redis://127.0.0.1:{free_port()}"),
        "Redis",
        "BOWERBIRD_REDIS_URL",
    ),
    Harm(
        "images at the app's own address",
        lambda chain: chain.changes.update(public_url=chain.app.url),
        "settings",
        "BOWERBIRD_PUBLIC_URL",
    ),
    Harm("plain HTTP", wrong.settings(public_url=f"http://{IMAGE_HOST}"), "settings", "https", "warn", ("public TLS",)),
)
