/**
 * AWS Signature Version 4 as S3 uses it, in AWS's own steps; both the check and our own signing are made of these.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */

export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";
const UNRESERVED = /[A-Za-z0-9\-._~]/;
const encoder = new TextEncoder();

/**
 * Return a part of a URL as SigV4 writes it: unreserved characters as they are, all else as %XX. What is encoded already
 * stays so, which makes raw and canonical the same name: uriEncode(uriEncode(x)) is uriEncode(x).
 * @param {string} text
 * @param {string} [keep] characters that stay, such as the slash of a path
 */
export function uriEncode(text, keep = "") {
  if (/^[A-Za-z0-9\-._~]*$/.test(text)) return text;
  return text.replace(/%([0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~]/gu, (found, hex) => {
    if (hex) {
      const character = String.fromCharCode(parseInt(hex, 16));
      return UNRESERVED.test(character) ? character : found.toUpperCase();
    }
    if (keep.includes(found)) return found;
    return encodeURIComponent(found).replace(/[!'()*]/, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  });
}

/** Return a name, which nothing in is encoded yet, as the path of a URL has it. */
export const encoded = (name) => uriEncode(name.replaceAll("%", "%25"), "/");

/**
 * Return the names and values of a query, each as SigV4 writes it, in the order they came.
 * @param {string} search with or without its question mark
 * @returns {[string, string][]}
 */
export function parseQuery(search) {
  const parts = search.replace(/^\?/, "").split("&").filter(Boolean);
  return parts.map((part) => {
    const [name, ...value] = part.replaceAll("+", "%20").split("=");
    return [uriEncode(name), uriEncode(value.join("="))];
  });
}

/** @param {[string, string][]} pairs of parseQuery */
export function canonicalQuery(pairs) {
  const sorted = [...pairs].sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return sorted.map(([name, value]) => `${name}=${value}`).join("&");
}

/**
 * @param {{method: string, path: string, query: [string, string][], headers: [string, string][], payloadHash: string}}
 *   request `path` encoded; `headers` the signed ones, lower case and sorted
 */
export function canonicalRequest({ method, path, query, headers, payloadHash }) {
  const lines = headers.map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, " ")}\n`);
  const names = headers.map(([name]) => name).join(";");
  return [method, path, canonicalQuery(query), lines.join(""), names, payloadHash].join("\n");
}

/**
 * @param {string} amzDate such as 20261124T120000Z
 * @param {string} scope such as 20261124/us-west-004/s3/aws4_request
 * @param {string} canonical of canonicalRequest
 */
export async function stringToSign(amzDate, scope, canonical) {
  return ["AWS4-HMAC-SHA256", amzDate, scope, await sha256(encoder.encode(canonical))].join("\n");
}

const derived = new Map(); // the key of a day takes four HMACs to derive

/**
 * Return the key that signs for one scope.
 * @param {{secretAccessKey: string}} pair
 * @param {string} scope
 * @returns {Promise<CryptoKey>}
 */
export function signingKey(pair, scope) {
  const name = `${pair.secretAccessKey}/${scope}`;
  if (derived.size > 100) derived.clear();
  if (!derived.has(name)) derived.set(name, derive(pair.secretAccessKey, scope));
  return derived.get(name);
}

async function derive(secret, scope) {
  let key = encoder.encode(`AWS4${secret}`);
  for (const part of scope.split("/")) key = await hmac(await hmacKey(key), part);
  return hmacKey(key);
}

/** @param {BufferSource} bytes */
export const hmacKey = (bytes) =>
  crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);

/** @param {CryptoKey} key @param {string} text */
export const hmac = (key, text) => crypto.subtle.sign("HMAC", key, encoder.encode(text));

/**
 * Return whether `hex` is the signature of `text`, in constant time.
 * @param {CryptoKey} key
 * @param {string} text
 * @param {string} hex 64 lower-case digits; others are no signature
 */
export async function isSignature(key, text, hex) {
  if (!/^[0-9a-f]{64}$/.test(hex)) return false;
  return crypto.subtle.verify("HMAC", key, Uint8Array.fromHex(hex), encoder.encode(text));
}

/** @param {BufferSource} bytes */
export const sha256 = async (bytes) => toHex(await crypto.subtle.digest("SHA-256", bytes));

/** @param {ArrayBuffer} buffer */
export const toHex = (buffer) => new Uint8Array(buffer).toHex();
