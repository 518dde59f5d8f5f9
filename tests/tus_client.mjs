// tus-js-client in Node: node tus_client.mjs FILE ENDPOINT TOKEN CHUNK_BYTES; prints the address of the upload.

import { createReadStream, statSync } from "node:fs";
import { Upload } from "../worker/node_modules/tus-js-client/lib.esm/node/index.js";

const [path, endpoint, token, chunkBytes] = process.argv.slice(2);

const upload = new Upload(createReadStream(path), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: "noise.png", filetype: "image/png" },
  uploadSize: statSync(path).size,
  chunkSize: Number(chunkBytes),
  retryDelays: Array(60).fill(200),
  onSuccess: () => console.log(upload.url),
  onError: (error) => {
    console.error(String(error));
    process.exit(1);
  },
});
upload.start();
