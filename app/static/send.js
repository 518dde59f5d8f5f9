// One upload over XMLHttpRequest, which alone tells how far it is.

/**
 * Send one file.
 * @param {File} file
 * @param {Record<string, string>} options form fields; empty ones are left out
 * @param {(part: number) => void} onProgress called with 0 to 1
 * @returns {{answer: Promise<object>, cancel: () => void}} `answer` rejects with an Error that has a `status`
 */
export function send(file, options, onProgress) {
  const request = new XMLHttpRequest();
  const answer = new Promise((resolve, reject) => {
    const fail = (message, status = 0) => reject(Object.assign(new Error(message), { status }));
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      const body = request.response ?? {};
      if (request.status === 201 && body.url) resolve(body);
      else fail(body.error ?? `the server answered ${request.status}`, request.status);
    });
    request.addEventListener("error", () => fail("the connection failed; is the server still there?"));
    request.addEventListener("abort", () => fail("cancelled"));
    request.open("POST", "/api/upload");
    request.responseType = "json";
    request.setRequestHeader("X-CSRF-Token", document.querySelector("meta[name=csrf-token]").content);
    const form = new FormData();
    for (const [name, value] of Object.entries(options)) if (value) form.append(name, value);
    form.append("file", file, file.name || "pasted.png");
    request.send(form);
  });
  return { answer, cancel: () => request.abort() };
}
