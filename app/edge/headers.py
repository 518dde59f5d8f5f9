"""What every image is answered with, wherever it is served from: the edge, the read Worker, the app itself."""

CACHE_CONTROL = "public, max-age=31536000, immutable"

# An image is never a page: whatever a browser makes of its bytes has no scripts and no origin. A video in a tab of its
# own is one that a page of the browser's loads again from its address.
VIEWER_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; sandbox"
    ),
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
}

# Cloudflare cannot remove headers by a pattern, so each one has to be named. Of the x-bz-info-* these are what known
# clients write (Backblaze's own tools, rclone, s3cmd, restic, Synology); others are named in the settings.
# Source: https://www.backblaze.com/apidocs/b2-download-file-by-name
B2_HEADERS = (
    "x-bz-content-sha1",
    "x-bz-file-id",
    "x-bz-file-name",
    "x-bz-upload-timestamp",
    "x-bz-server-side-encryption",
    "x-bz-client-unauthorized-to-read",
    "x-bz-file-legal-hold",
    "x-bz-file-retention-mode",
    "x-bz-file-retention-retain-until-timestamp",
    "x-bz-info-src_last_modified_millis",
    "x-bz-info-large_file_sha1",
    "x-bz-info-mtime",
    "x-bz-info-md5chksum",
    "x-bz-info-s3cmd-attrs",
    "x-bz-info-sha256",
)
