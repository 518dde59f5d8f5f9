/**
 * aws-chunked: the body in signed or unsigned chunks, perhaps with checksums in a trailer.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
 */

import { S3Error } from "./errors.js";
import { EMPTY_SHA256, isSignature, sha256, toHex } from "./sigv4.js";

const LONGEST_LINE = 4096;
// Of a trailer: room for each checksum that there is, and their signature.
const MOST_LINES = 16;
const MOST_BYTES = 4096;
const PIECE_BYTES = 64 * 1024;
export const MODES = {
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER": { isSigned: false, hasTrailer: true },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": { isSigned: true, hasTrailer: false },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": { isSigned: true, hasTrailer: true },
};

/**
 * Yield the bytes inside the chunks; whoever reads to the end without an error has the whole of a good body.
 * @param {ReadableStream<Uint8Array>} stream
 * @param {Awaited<ReturnType<import("./verify.js").verify>>} signed
 * @param {Map<string, string | null>} trailer the names that have to come, each with null: filled with their values
 */
export async function* decode(stream, signed, trailer) {
  const mode = MODES[signed.payloadHash];
  const chain = mode.isSigned ? signatureChain(signed) : null;
  const source = new Lines(stream);
  try {
    yield* chunks(source, chain);
    await readTrailer(source, mode, chain, trailer);
  } finally {
    await source.release();
  }
}

/**
 * Yield the bytes of a stream in large pieces: each read is a crossing out of JavaScript, and an ordinary one brings 4 KiB.
 * @param {ReadableStream<Uint8Array>} stream
 */
export async function* pieces(stream) {
  const reader = stream.getReader({ mode: "byob" });
  try {
    for (let isDone = false; !isDone; ) {
      const { value, done } = await reader.readAtLeast(PIECE_BYTES, new Uint8Array(PIECE_BYTES));
      if (value?.length) yield value;
      isDone = done;
    }
  } finally {
    reader.releaseLock();
  }
}

async function* chunks(source, chain) {
  for (;;) {
    const [text, extension = ""] = (await source.line()).split(";", 2);
    if (!/^[0-9A-Fa-f]{1,8}$/.test(text)) throw incomplete("a chunk does not begin with its size");
    const size = parseInt(text, 16);
    const digest = chain && new crypto.DigestStream("SHA-256");
    const writer = digest?.getWriter();
    for await (const piece of source.take(size)) {
      await writer?.write(piece);
      yield piece;
    }
    await writer?.close();
    if (chain) {
      await chain("AWS4-HMAC-SHA256-PAYLOAD", [EMPTY_SHA256, toHex(await digest.digest)], extension, "chunk-signature=");
    }
    if (size === 0) return;
    if ((await source.line()) !== "") throw incomplete("a chunk is longer than its size");
  }
}

async function readTrailer(source, mode, chain, trailer) {
  const lines = [];
  let left = MOST_BYTES;
  for (let line = await source.line(true); line; line = await source.line(true)) {
    left -= line.length + 2;
    if (lines.push(line) > MOST_LINES || left < 0)
      throw wrongTrailer(`a trailer has at most ${MOST_LINES} lines and ${MOST_BYTES} bytes`);
  }
  if (lines.length && !mode.hasTrailer) throw incomplete("there is a trailer that was not announced");
  const [last] = lines.slice(-1);
  const isSigned = chain && last?.startsWith("x-amz-trailer-signature:");
  const named = isSigned ? lines.slice(0, -1) : lines;
  if (chain && mode.hasTrailer) {
    const bytes = new TextEncoder().encode(named.map((line) => `${line}\n`).join(""));
    await chain("AWS4-HMAC-SHA256-TRAILER", [await sha256(bytes)], isSigned ? last : "", "x-amz-trailer-signature:");
  }
  for (const line of named) {
    const at = line.indexOf(":");
    const name = line.slice(0, at).trim().toLowerCase();
    if (trailer.get(name) !== null) throw wrongTrailer("the trailer has what was not announced, or has it twice");
    trailer.set(name, line.slice(at + 1).trim());
  }
  if ([...trailer.values()].includes(null)) throw wrongTrailer("the trailer has not all that was announced");
}

/** Each signature signs the one before it, the first that of the request. */
function signatureChain({ key, amzDate, scope, signature }) {
  let previous = signature;
  return async (algorithm, hashes, text, name) => {
    const hex = text.startsWith(name) ? text.slice(name.length).trim() : "";
    if (!(await isSignature(key, [algorithm, amzDate, scope, previous, ...hashes].join("\n"), hex)))
      throw new S3Error(403, "SignatureDoesNotMatch", "the signature of a chunk is not that of its bytes");
    previous = hex;
  };
}

/** A stream read by lines that end in CRLF and by counts of bytes. */
class Lines {
  #pieces;
  #rest = new Uint8Array(0);

  constructor(stream) {
    this.#pieces = pieces(stream);
  }

  /** Return the next line without its end; with `orEnd`, the end of the stream is an empty line. */
  async line(orEnd = false) {
    for (;;) {
      const at = this.#rest.indexOf(10);
      if ((at < 0 ? this.#rest.length : at) > LONGEST_LINE) throw incomplete(`a line has more than ${LONGEST_LINE} bytes`);
      if (at >= 0) {
        const line = new TextDecoder().decode(this.#rest.subarray(0, at));
        this.#rest = this.#rest.subarray(at + 1);
        return line.replace(/\r$/, "");
      }
      if (!(await this.#more())) {
        if (orEnd && !this.#rest.length) return "";
        throw incomplete("the body ends before its last chunk");
      }
    }
  }

  release() {
    return this.#pieces.return();
  }

  async *take(count) {
    while (count > 0) {
      if (!this.#rest.length && !(await this.#more())) throw incomplete("the body ends within a chunk");
      const piece = this.#rest.subarray(0, count);
      this.#rest = this.#rest.subarray(piece.length);
      count -= piece.length;
      yield piece;
    }
  }

  async #more() {
    const { value, done } = await this.#pieces.next();
    if (done) return false;
    if (!this.#rest.length) {
      this.#rest = value;
      return true;
    }
    const joined = new Uint8Array(this.#rest.length + value.length);
    joined.set(this.#rest);
    joined.set(value, this.#rest.length);
    this.#rest = joined;
    return true;
  }
}

const wrongTrailer = (message) => new S3Error(400, "MalformedTrailerError", message);
const incomplete = (message) => new S3Error(400, "IncompleteBody", message);
