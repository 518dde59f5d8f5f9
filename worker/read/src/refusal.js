/** What the read Worker refuses: one plain sentence, which no cache keeps. */

import { VIEWER_HEADERS } from "./headers.js";

export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} message what the viewer reads
   * @param {Record<string, string>} [headers]
   */
  constructor(status, message, headers = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export const notFound = () => new Refusal(404, "There is no such image.");

/** @param {Response} answer the one that says so, and how large the image is */
export function unsatisfiable(answer) {
  const range = answer.headers.get("content-range");
  return new Refusal(416, "The image has no such bytes.", range ? { "content-range": range } : {});
}

/**
 * Return the answer for an error; what is no Refusal is ours, and its words stay in the log.
 * @param {unknown} error
 * @param {Request} request
 */
export function refused(error, request) {
  const known = error instanceof Refusal ? error : new Refusal(500, "The read Worker failed.");
  if (known.status === 500) console.error(JSON.stringify({ error: String(error) }));
  const headers = { ...VIEWER_HEADERS, ...known.headers, "cache-control": "no-store", "content-type": "text/plain; charset=utf-8" };
  return new Response(request.method === "HEAD" ? null : `${known.message}\n`, { status: known.status, headers });
}
