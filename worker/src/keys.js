/** The path of a request as it came, and the key that it names: what could be read in two ways is refused. */

import { S3Error, invalid } from "./errors.js";
import { uriEncode } from "./sigv4.js";

/** The path and query as they came: URL.pathname would already have read some of it. Both are UTF-8, else refused. */
export function rawTarget(url) {
  const [, target] = /^[a-z]+:\/\/[^/?#]*([^#]*)/i.exec(url);
  const [path, ...search] = target.split("?");
  if (/%(?![0-9A-Fa-f]{2})/.test(target)) throw new S3Error(400, "InvalidURI", "a % in the address begins no %XX");
  try {
    decodeURIComponent(target);
    return { path: uriEncode(path || "/", "/"), search: search.join("?") };
  } catch {
    throw new S3Error(400, "InvalidURI", "the address is not UTF-8");
  }
}

/**
 * Return the key, decoded; what a path could be read in two ways by is refused, as are names that B2 cannot hold.
 * @param {string} encoded of a path that `rawTarget` returned
 */
export function readKey(encoded) {
  if (!encoded) return "";
  if (/%2F/i.test(encoded)) throw invalid("a key has no encoded '/'");
  const key = decodeURIComponent(encoded);
  checkKey(key);
  return key;
}

/** Throw S3Error for a name that B2 cannot hold, or that a path could be read in two ways by. */
export function checkKey(key) {
  const bytes = new TextEncoder().encode(key).length;
  if (bytes > 1024) throw new S3Error(400, "KeyTooLongError", `the key has ${bytes} bytes; at most 1024 are taken`);
  const segments = key.split("/");
  if (key.includes("\\") || segments.some((segment) => segment === "" || segment === "." || segment === ".."))
    throw invalid("a key has no empty part, no part '.' or '..', and no '\\'");
  if (/[\u0000-\u001f\u007f]/.test(key)) throw invalid("a key has no control characters");
  if (segments.some((segment) => new TextEncoder().encode(segment).length > 250))
    throw invalid("the part of a key between two '/' has at most 250 bytes");
}
