// One upload over XMLHttpRequest, which alone tells how far it is.

import { csrfToken } from "./session.js";

const LOST = "The connection failed. Check that you are online and that the server is up, then retry.";

/**
 * Send one file to /api/upload.
 * @param {File} file
 * @param {Record<string, string>} options form fields; empty ones are left out
 * @param {(part: number) => void} onProgress called with 0 to 1
 * @param {string} idempotencyKey the same at every try of this file: it is stored once
 * @returns {{answer: Promise<object>, cancel: () => void}} `answer` rejects with an Error that has a `status`, 0 if there was no answer
 */
export function send(file, options, onProgress, idempotencyKey) {
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    const fail = (message, status = 0) => reject(Object.assign(new Error(message), { status }));
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const body = request.response ?? {};
      if (request.status === 201 && body.url) resolve(body);
      else if (request.status === 401) fail("You are signed out.", 401);
      else fail(body.error ?? `The server answered ${request.status} without a reason.`, request.status);
    });
    request.addEventListener("error", () => fail(LOST));
    request.addEventListener("abort", () => fail("Cancelled."));
    request.open("POST", "/api/upload");
    request.responseType = "json";
    request.setRequestHeader("X-CSRF-Token", csrf().content);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Idempotency-Key", idempotencyKey);
    const form = new FormData();
    for (const [name, value] of Object.entries(options)) if (value) form.append(name, value);
    form.append("file", file, file.name || "pasted.png");
    request.send(form);
  });
  return { answer, cancel: () => request.abort() };
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
