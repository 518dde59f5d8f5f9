// One upload over tus: it goes on where a lost line, or a page that was closed, has left it. See docs/resumable.md.

const CHUNK_BYTES = 16 * 1024 * 1024; // a proxy on the way may keep a part to itself until it is whole
const DELAYS_MS = [0, 1000, 2000, 4000, 8000, 15000, 15000, 15000]; // a server that is started anew is soon back
const ASK_MS = 1000;
const underWay = new Set(); // the addresses of uploads that this page sends

/**
 * Send one file, or what is missing of it, and return the answer of the upload.
 * @param {File} file
 * @param {Record<string, string>} options as of `send`
 * @param {{onProgress: (part: number) => void, signal: AbortSignal, csrf: () => string, requestBytes: number, fail: (message: string, status?: number) => Error}} page
 */
export async function resume(file, options, page) {
  if (!window.tus) await import("./vendor/tus.min.js");
  const filled = Object.entries(options).filter(([, value]) => value);
  const address = await sent(file, { filename: file.name || "pasted.png", ...Object.fromEntries(filled) }, page);
  return result(address, page);
}

/** Send all that is missing; return the address of the upload. */
function sent(file, metadata, { onProgress, signal, csrf, requestBytes, fail }) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      underWay.delete(upload.url);
      settle(value);
    };
    const upload = new window.tus.Upload(file, {
      endpoint: new URL("/api/tus", location.origin).href,
      metadata,
      chunkSize: Math.min(CHUNK_BYTES, requestBytes),
      retryDelays: DELAYS_MS,
      removeFingerprintOnSuccess: true,
      // What is asked for belongs to it: of another wish another upload is made.
      fingerprint: async () => ["bowerbird", file.type, file.size, file.lastModified, JSON.stringify(metadata)].join("-"),
      onBeforeRequest: (request) => request.setHeader("X-CSRF-Token", csrf()),
      onShouldRetry: (error) => mayPass(statusOf(error)),
      onUploadUrlAvailable: () => underWay.add(upload.url),
      onProgress: (count, total) => onProgress(count / total),
      onSuccess: () => end(resolve, upload.url),
      onError: (error) => end(reject, refusal(error, fail)),
    });
    signal.addEventListener("abort", () => {
      upload.abort(true).catch(() => {}); // what the server cannot be told expires there
      end(reject, fail("Cancelled."));
    });
    upload.findPreviousUploads().then((found) => {
      if (signal.aborted) return;
      const last = found.find((one) => !underWay.has(one.uploadUrl));
      if (last) {
        underWay.add(last.uploadUrl);
        upload.resumeFromPreviousUpload(last);
      }
      upload.start();
    });
  });
}

/** Ask for what the upload has become, which may take the server a while. */
async function result(address, { signal, fail }) {
  for (let failures = 0; ; ) {
    let answer;
    try {
      answer = await fetch(address, { signal });
    } catch (error) {
      if (signal.aborted) throw fail("Cancelled.");
      if (!(error instanceof TypeError)) throw error;
    }
    const body = answer ? await answer.json().catch(() => ({})) : {};
    if (answer?.status === 200) return body;
    const isBeingStored = answer?.status === 202 && body.offset === body.length;
    if (!isBeingStored) {
      const status = answer?.status ?? 0;
      if (!mayPass(status) || failures >= DELAYS_MS.length) throw fail(body.error, status);
      failures += 1;
    }
    await new Promise((resolve) => setTimeout(resolve, isBeingStored ? ASK_MS : DELAYS_MS[failures - 1]));
  }
}

// 409 and 423: another request had the upload, and the next one learns how far it is. 507: the disk or the quota is full.
const mayPass = (status) => status === 0 || status === 409 || status === 423 || (status >= 500 && status !== 507);
const statusOf = (error) => error.originalResponse?.getStatus() ?? 0;

function refusal(error, fail) {
  let body = {};
  try {
    body = JSON.parse(error.originalResponse?.getBody() || "{}");
  } catch (problem) {
    if (!(problem instanceof SyntaxError)) throw problem; // a page of something before the server
  }
  return fail(body.error, statusOf(error));
}
