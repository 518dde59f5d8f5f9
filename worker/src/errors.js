/** What the proxy refuses, in S3's own codes and XML. */

import { escapeXml } from "./xml.js";

export const HOST_ID = "bowerbird-signing-proxy"; // tells our refusals from B2's, which have no HostId

/** A refusal that the client can read: an S3 error code, its status, one sentence. */
export class S3Error extends Error {
  /**
   * @param {number} status
   * @param {string} code one of S3's own
   * @param {string} message
   * @param {{region?: string, retryAfter?: number}} [more]
   */
  constructor(status, code, message, more = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.more = more;
  }
}

export const denied = (message) => new S3Error(403, "AccessDenied", message);
export const invalid = (message) => new S3Error(400, "InvalidArgument", message);
export const notPossible = (message) => new S3Error(501, "NotImplemented", message);
export const slowDown = (message, retryAfter = 1) => new S3Error(503, "SlowDown", message, { retryAfter });

/**
 * Return the answer for an error; what is not an S3Error is ours, and its words stay in the log.
 * @param {unknown} error
 * @param {string} requestId
 * @param {string} method a HEAD gets no body
 * @param {string | null} appRequestId of the request for which the app has sent it, where it says so
 */
export function errorResponse(error, requestId, method, appRequestId) {
  const known = error instanceof S3Error ? error : new S3Error(500, "InternalError", "the signing proxy failed");
  const line = JSON.stringify({ requestId, method, status: known.status, code: known.code, error: String(error), appRequestId });
  if (known.status >= 500) console.error(line);
  else console.warn(line);
  const headers = new Headers({
    "content-type": "application/xml",
    "cache-control": "max-age=0, no-cache, no-store",
    "x-amz-request-id": requestId,
    "x-amz-id-2": HOST_ID,
  });
  if (known.more.retryAfter) headers.set("retry-after", String(known.more.retryAfter));
  if (known.more.region) headers.set("x-amz-bucket-region", known.more.region);
  return new Response(method === "HEAD" ? null : xml(known, requestId), { status: known.status, headers });
}

function xml(error, requestId) {
  const region = error.more.region ? `<Region>${escapeXml(error.more.region)}</Region>` : "";
  return `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Error><Code>${error.code}</Code><Message>${escapeXml(
    error.message,
  )}</Message>${region}<RequestId>${requestId}</RequestId><HostId>${HOST_ID}</HostId></Error>\n`;
}
