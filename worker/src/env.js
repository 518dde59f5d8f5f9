/** The Worker's settings: read from its variables and secrets once; what is wrong is named in a 500. */

import { readEndpoint, regionOf } from "./endpoint.js";
import { S3Error } from "./errors.js";

const MIB = 1024 * 1024;
export const OPERATIONS = ["get", "head", "put", "delete", "multipart", "list", "copy"];
const DEFAULT_OPERATIONS = OPERATIONS.filter((name) => name !== "copy");
const REQUIRED = ["B2_ENDPOINT", "B2_APPLICATION_KEY_ID", "B2_APPLICATION_KEY"];

let settings = null;

/**
 * Return the settings of this isolate.
 * @param {Record<string, any>} env
 */
export function readSettings(env) {
  settings ??= parse(env);
  return settings;
}

/**
 * Return what `env` says, checked. `keys` maps an access key id to its client: secretAccessKey, bucket (null: any),
 * prefix, operations, maxBytes. Throws S3Error 500 that names each variable that is missing or wrong.
 * @param {Record<string, any>} env
 */
export function parse(env) {
  const problems = REQUIRED.filter((name) => !env[name]).map((name) => `${name} is not set`);
  const endpoint = readEndpoint(env.B2_ENDPOINT ?? "");
  const region = env.B2_REGION || regionOf(endpoint);
  if (env.B2_ENDPOINT && !endpoint) problems.push("B2_ENDPOINT is not an address such as s3.us-west-004.backblazeb2.com");
  else if (env.B2_ENDPOINT && !region) problems.push("B2_REGION is not set, and B2_ENDPOINT does not name it");
  if (env.WEBHOOK_URL && !env.WEBHOOK_SECRET) problems.push("WEBHOOK_SECRET is not set, but WEBHOOK_URL is");
  if (env.WEBHOOK_URL && !URL.canParse(env.WEBHOOK_URL)) problems.push("WEBHOOK_URL is not an address");
  const bufferBytes = Number(env.BUFFER_BYTES || 4 * MIB);
  if (!(bufferBytes >= 0 && bufferBytes <= 32 * MIB)) problems.push("BUFFER_BYTES is not a number up to 33554432");
  const keys = readKeys(env, problems);
  if (problems.length) throw new S3Error(500, "InternalError", `the signing proxy is not set up: ${problems.join("; ")}`);
  return {
    origin: endpoint.origin,
    host: endpoint.host,
    region,
    upstream: { accessKeyId: env.B2_APPLICATION_KEY_ID, secretAccessKey: env.B2_APPLICATION_KEY },
    keys,
    domain: (env.DOMAIN || "").toLowerCase(),
    bufferBytes,
    webhook: env.WEBHOOK_URL ? { url: env.WEBHOOK_URL, secret: env.WEBHOOK_SECRET } : null,
  };
}

function readKeys(env, problems) {
  if (!env.CLIENT_KEYS) {
    const { B2_APPLICATION_KEY_ID: accessKeyId, B2_APPLICATION_KEY: secretAccessKey } = env;
    return new Map([[accessKeyId, client({ accessKeyId, secretAccessKey })]]);
  }
  const keys = new Map();
  try {
    for (const one of JSON.parse(env.CLIENT_KEYS)) {
      const problem = whatIsWrong(one) ?? (keys.has(one.accessKeyId) ? "two keys have the same accessKeyId" : null);
      if (problem) problems.push(`CLIENT_KEYS: ${problem}`);
      else keys.set(one.accessKeyId, client(one));
    }
    if (!keys.size && !problems.length) problems.push("CLIENT_KEYS has no key");
  } catch {
    problems.push("CLIENT_KEYS is not a JSON list");
  }
  return keys;
}

const client = ({ accessKeyId, secretAccessKey, bucket, prefix, operations, maxBytes }) => ({
  accessKeyId,
  secretAccessKey,
  bucket: bucket ?? null,
  prefix: prefix ?? "",
  operations: new Set(operations ?? DEFAULT_OPERATIONS),
  maxBytes: maxBytes ?? Infinity,
});

/** The secret is never part of the answer. */
function whatIsWrong(one) {
  if (!/^[^\s,/]{3,128}$/.test(one?.accessKeyId ?? "")) return "a key has no accessKeyId";
  const name = `the key ${one.accessKeyId}`;
  if (typeof one.secretAccessKey !== "string" || one.secretAccessKey.length < 16)
    return `${name} has no secretAccessKey of at least 16 characters`;
  if (typeof one.bucket !== "string" || !one.bucket) return `${name} has no bucket`;
  if (typeof (one.prefix ?? "") !== "string") return `${name} has a prefix that is not text`;
  if (one.operations && !Array.isArray(one.operations)) return `${name} has operations that are not a list`;
  const unknown = (one.operations ?? []).find((operation) => !OPERATIONS.includes(operation));
  if (unknown !== undefined) return `${name} names the operation ${unknown}; known are ${OPERATIONS.join(", ")}`;
  if (one.maxBytes !== undefined && !(one.maxBytes > 0)) return `${name} has a maxBytes that is not a number of bytes`;
  return null;
}
