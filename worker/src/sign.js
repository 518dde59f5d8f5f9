/** A request as B2 takes it: signed with B2's key over as little as B2 needs. */

import { canonicalRequest, hmac, signingKey, stringToSign, toHex } from "./sigv4.js";

/**
 * Add to `headers` what signs the request, and return them. Only host and x-amz-* are signed, as B2 wants it: what is not
 * signed cannot break by what Cloudflare rewrites.
 * @param {string} path encoded
 * @param {[string, string][]} query of parseQuery
 * @param {Record<string, string>} headers by lower-case name
 * @param {string} payloadHash
 * @param {{region: string, host: string, upstream: {accessKeyId: string, secretAccessKey: string}}} settings
 */
export async function sign(method, path, query, headers, payloadHash, settings) {
  const amzDate = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${amzDate.slice(0, 8)}/${settings.region}/s3/aws4_request`;
  headers["x-amz-date"] = amzDate;
  headers["x-amz-content-sha256"] = payloadHash;
  const names = Object.keys(headers).filter((name) => name.startsWith("x-amz-")).sort();
  const signed = [["host", settings.host], ...names.map((name) => [name, headers[name]])];
  const canonical = canonicalRequest({ method, path, query, headers: signed, payloadHash });
  const key = await signingKey(settings.upstream, scope);
  const signature = toHex(await hmac(key, await stringToSign(amzDate, scope, canonical)));
  const credential = `${settings.upstream.accessKeyId}/${scope}`;
  const list = ["host", ...names].join(";");
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${list}, Signature=${signature}`;
  return headers;
}
