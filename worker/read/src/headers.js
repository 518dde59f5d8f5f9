/** What an image is answered with: the headers of the public edge (app/edge/headers.py; a test holds them together). */

export const CACHE_CONTROL = "public, max-age=31536000, immutable";
export const VIEWER_HEADERS = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; sandbox",
  "Cross-Origin-Resource-Policy": "cross-origin",
  "Access-Control-Allow-Origin": "*",
};
// What scripts of other pages may send and see: the CORS rule of the bucket (app/edge/rules.py).
export const CORS = { allowed: "range", exposed: "content-length, content-range", maxAge: "86400" };

// All of B2's others go: x-amz-* and x-bz-* name the bucket's insides.
const KEPT =
  /^(cache-control|content-(disposition|encoding|language|length|range|type)|etag|expires|last-modified)$/;
const SHOWN = /^(image\/[\w.+-]+|video\/(mp4|webm))\s*(;|$)/i;

/**
 * Return B2's answer as it is kept: what says what the object is, and nothing of where it came from.
 * @param {Response} answer
 */
export function stored(answer) {
  const headers = new Headers([...answer.headers].filter(([name]) => KEPT.test(name)));
  if (!headers.has("cache-control")) headers.set("cache-control", CACHE_CONTROL);
  return new Response(answer.body, { status: answer.status, headers, encodeBody: "manual" });
}

/** Return an answer twice; `clone` would forget that its bytes are encoded already. @param {Response} answer */
export function split({ body, status, headers }) {
  return body.tee().map((branch) => new Response(branch, { status, headers, encodeBody: "manual" }));
}

/**
 * Return what the viewer gets; the headers of today, however long ago the object was kept.
 * @param {Request} request
 * @param {Response} answer of `stored`, or of the cache
 * @param {number} status 200, 206 or 304
 * @param {boolean} isHit
 */
export function answered(request, answer, status, isHit) {
  const headers = new Headers([...answer.headers].filter(([name]) => KEPT.test(name)));
  if (!SHOWN.test(headers.get("content-type") ?? "")) {
    // Anything that is no picture is a file to keep, never a page of this domain.
    headers.set("content-type", "application/octet-stream");
    headers.set("content-disposition", "attachment");
  }
  if (status === 304) for (const name of ["content-length", "content-range"]) headers.delete(name);
  headers.set("accept-ranges", "bytes");
  headers.set("cf-cache-status", isHit ? "HIT" : "MISS");
  if (isHit && answer.headers.has("age")) headers.set("age", answer.headers.get("age"));
  for (const [name, value] of Object.entries(VIEWER_HEADERS)) headers.set(name, value);
  if (request.headers.has("origin")) headers.set("access-control-expose-headers", CORS.exposed);
  const body = request.method === "HEAD" || status === 304 ? null : answer.body;
  return new Response(body, { status, headers, encodeBody: isHit ? "automatic" : "manual" });
}

/** Answer what a browser asks before a script of another page reads a range. */
export const preflight = () =>
  new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": VIEWER_HEADERS["Access-Control-Allow-Origin"],
      "access-control-allow-methods": "GET, HEAD",
      "access-control-allow-headers": CORS.allowed,
      "access-control-max-age": CORS.maxAge,
    },
  });
