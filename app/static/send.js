// One upload: a small file over XMLHttpRequest, which alone tells how far it is, a large one over tus.

import { LARGE_BYTES } from "./outbox.js";
import { csrfToken } from "./session.js";

const LOST = "The connection failed. Check that you are online and that the server is up, then retry.";

const limits = document.getElementById("drop")?.dataset ?? {};

/**
 * Send one file.
 * @param {File & {address?: string}} file with an `address` it is fetched from there by the server
 * @param {Record<string, string>} options form fields; empty ones are left out
 * @param {(part: number) => void} onProgress called with 0 to 1
 * @param {string} idempotencyKey the same at every try of this file: it is stored once
 * @returns {{answer: Promise<object>, cancel: () => void}} `answer` rejects with an Error that has a `status`, 0 if there was no answer
 */
export function send(file, options, onProgress, idempotencyKey) {
  const isResumable = file.size > LARGE_BYTES && file.size <= Number(limits.resumableBytes);
  return (isResumable ? sendResumably : sendAtOnce)(file, options, onProgress, idempotencyKey);
}

function sendAtOnce(file, options, onProgress, idempotencyKey) {
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    const fail = (message, status) => reject(failure(message, status));
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const body = request.response ?? {};
      if (request.status === 201 && body.url) resolve(body);
      else fail(body.error, request.status);
    });
    request.addEventListener("error", () => fail());
    request.addEventListener("abort", () => fail("Cancelled."));
    request.open("POST", "/api/upload");
    request.responseType = "json";
    request.setRequestHeader("X-CSRF-Token", csrf().content);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", idempotencyKey);
    const form = new FormData();
    for (const [name, value] of Object.entries(options)) if (value) form.append(name, value);
    if (file.address) form.append("url", file.address);
    else form.append("file", file, file.name || "pasted.png");
    request.send(form);
  });
  return { answer, cancel: () => request.abort() };
}

/** What it takes is loaded with the first file that needs it. */
function sendResumably(file, options, onProgress) {
  const ending = new AbortController();
  const page = {
    onProgress,
    signal: ending.signal,
    csrf: () => csrf().content,
    requestBytes: Number(limits.requestBytes),
    fail: failure,
  };
  const loaded = import("./resumable.js").catch(() => { throw failure(); });
  const answer = loaded.then(({ resume }) => {
    if (ending.signal.aborted) throw failure("Cancelled.");
    return resume(file, options, page);
  });
  return { answer, cancel: () => ending.abort() };
}

/** Return the Error that tells the reader why not; `message` is the server's sentence, if there is one. */
function failure(message, status = 0) {
  const told = status === 401 ? "You are signed out." : message ?? (status ? `The server answered ${status} without a reason.` : LOST);
  return Object.assign(new Error(told), { status });
}

/** Fetch the CSRF token of the session as it is now: after signing in again in another tab it is a new one. */
export async function renew() {
  try {
    const fresh = await csrfToken();
    if (fresh) csrf().content = fresh;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // offline: the upload that follows says so
  }
}

const csrf = () => document.querySelector("meta[name=csrf-token]");
