/** The conditions of a request. Cloudflare takes them out of what it sends on, so they are judged here. */

/**
 * Return 304 or 412 where the conditions of a request for an object say so, otherwise null. Source: RFC 9110, 13.2.2.
 * @param {Request} request
 * @param {Response} answer
 */
export function condition({ method, headers }, answer) {
  if ((method !== "GET" && method !== "HEAD") || (answer.status !== 200 && answer.status !== 206)) return null;
  const etag = answer.headers.get("etag");
  const modified = Date.parse(answer.headers.get("last-modified") ?? "");
  const names = (text) => text === "*" || text.split(",").some((one) => one.trim().replace(/^W\//, "") === etag);
  const [match, noneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  if (match !== null ? !names(match) : modified > Date.parse(headers.get("if-unmodified-since") ?? "")) return 412;
  if (noneMatch !== null ? names(noneMatch) : modified <= Date.parse(headers.get("if-modified-since") ?? "")) return 304;
  return null;
}
