/** The read Worker: serves the image domain from a private bucket, as the public edge would serve it from a public one. */

import { condition } from "../../src/conditions.js";
import { readKey, rawTarget } from "../../src/keys.js";
import { isKept, keep, lookUp, totalBytes } from "./cache.js";
import { readSettings } from "./env.js";
import { answered, preflight, split, stored } from "./headers.js";
import { read } from "./origin.js";
import { Refusal, notFound, refused, unsatisfiable } from "./refusal.js";

const METHODS = "GET, HEAD, OPTIONS";
// Up to this one download feeds the viewer and the cache. Of two readers the slower one's share is held in memory, of
// which a Worker has 128 MB for all of its requests: what is larger is downloaded once for each.
const SPLIT_BYTES = 8 * 1024 * 1024;

export default {
  /** Answer one viewer. */
  async fetch(request, env, context) {
    try {
      if (request.method === "OPTIONS") return preflight();
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new Refusal(405, "Images are read here, with GET or HEAD.", { allow: METHODS });
      const settings = readSettings(env);
      const place = placeOf(request.url);
      return await serve(request, place, settings, (work) => context.waitUntil(work));
    } catch (error) {
      return refused(error, request);
    }
  },
};

/**
 * Return the path of a request as B2 takes it, and the URL that the object is kept by. Both are written in the one way
 * that the app writes a public URL, whatever way the viewer wrote it in: a purge of that URL leaves no other behind.
 */
function placeOf(address) {
  let path;
  try {
    ({ path } = rawTarget(address));
    if (!readKey(path.slice(1))) throw notFound();
  } catch {
    throw notFound();
  }
  return { path, url: `https://${new URL(address).host}${path}` };
}

async function serve(request, place, settings, after) {
  const range = wantedRange(request);
  let found = await obtain(place, range, settings, after);
  if (found.answer.status === 206 && !isCurrent(request, found.answer)) {
    await found.answer.body.cancel();
    found = await obtain(place, null, settings, after);
  }
  const status = condition(request, found.answer) ?? found.answer.status;
  if (status === 412) {
    await found.answer.body.cancel();
    throw new Refusal(412, "The image is not as the request demands.");
  }
  if (request.method === "HEAD" || status === 304) await found.answer.body?.cancel();
  return answered(request, found.answer, status, found.isHit);
}

/** One range of bytes, of which a GET may ask; several at once may be answered with the whole (RFC 9110, 14.2). */
function wantedRange({ method, headers }) {
  const range = headers.get("range");
  return method === "GET" && /^bytes=(\d+-\d*|-\d+)$/.test(range ?? "") ? range : null;
}

/** Whether the part that an If-Range asks for belongs to what the viewer has already. */
function isCurrent({ headers }, answer) {
  const wanted = headers.get("if-range");
  return wanted === null || wanted === answer.headers.get("etag") || wanted === answer.headers.get("last-modified");
}

async function obtain(place, range, settings, after) {
  const found = await lookUp(place.url, range);
  if (found?.status === 416) throw unsatisfiable(found);
  if (found) return { answer: found, isHit: true };
  const answer = stored(await read(place.path, range, settings));
  if (!isKept(answer)) return { answer, isHit: false };
  if (range !== null || totalBytes(answer) > SPLIT_BYTES) {
    after(fill(place, settings));
    return { answer, isHit: false };
  }
  const [shown, kept] = split(answer);
  after(keep(place.url, kept));
  return { answer: shown, isHit: false };
}

const filling = new Set(); // a viewer of a video asks for many ranges before the first of them has filled the cache

async function fill({ path, url }, settings) {
  if (filling.has(url)) return;
  filling.add(url);
  try {
    await keep(url, stored(await read(path, null, settings)));
  } catch (error) {
    console.error(JSON.stringify({ not_kept: url, error: String(error) }));
  } finally {
    filling.delete(url);
  }
}
