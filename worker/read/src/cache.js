/**
 * What the data centre keeps: whole objects, each by its public URL.
 *
 * The Cache API and not `fetch` with its cache: an entry of the latter has B2's address for its name, which a purge of
 * the public URL does not forget, and naming it otherwise (cf.cacheKey) takes an Enterprise plan. The price is that each
 * data centre downloads for itself. A purge by prefix forgets an entry everywhere; one by file is not to be relied on.
 * Source: https://developers.cloudflare.com/workers/reference/how-the-cache-works/#purge-assets-stored-with-the-cache-api
 */

const MAX_BYTES = 512 * 1024 * 1024; // what Cloudflare keeps of one object on the Free, Pro and Business plans

/**
 * Return what is kept, or the part of it (206, 416); undefined if nothing is. No other header of the viewer goes along:
 * an Origin would make a second entry.
 * @param {string} url
 * @param {string | null} range
 */
export const lookUp = (url, range) => caches.default.match(new Request(url, { headers: range ? { range } : {} }));

/** Keep a whole answer, once it has come to its end. @param {string} url @param {Response} answer */
export const keep = (url, answer) => caches.default.put(new Request(url), answer);

/** Whether the object of this answer, whole or a part, would be kept. @param {Response} answer */
export const isKept = (answer) =>
  totalBytes(answer) <= MAX_BYTES && !/no-store|no-cache|private|max-age=0/i.test(answer.headers.get("cache-control"));

/** Return the size of the object that the answer is, or is a part of. @param {Response} answer */
export const totalBytes = ({ headers }) =>
  Number(headers.get("content-range")?.split("/")[1] ?? headers.get("content-length") ?? Infinity);
