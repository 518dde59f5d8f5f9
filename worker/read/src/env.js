/** The read Worker's settings: read from its variables and secrets once; what is wrong is named in a 500. */

import { readEndpoint, regionOf } from "../../src/endpoint.js";
import { Refusal } from "./refusal.js";

const REQUIRED = ["B2_ENDPOINT", "B2_BUCKET", "B2_APPLICATION_KEY_ID", "B2_APPLICATION_KEY"];

let settings = null;

/**
 * Return the settings of this isolate. Throws Refusal 500 that names each variable that is missing or wrong, and no value.
 * @param {Record<string, string>} env
 */
export function readSettings(env) {
  settings ??= parse(env);
  return settings;
}

function parse(env) {
  const problems = REQUIRED.filter((name) => !env[name]).map((name) => `${name} is not set`);
  const endpoint = readEndpoint(env.B2_ENDPOINT ?? "");
  const region = env.B2_REGION || regionOf(endpoint);
  if (env.B2_ENDPOINT && !endpoint) problems.push("B2_ENDPOINT is not an address such as s3.us-west-004.backblazeb2.com");
  else if (env.B2_ENDPOINT && !region) problems.push("B2_REGION is not set, and B2_ENDPOINT does not name it");
  if (env.B2_BUCKET && !/^[A-Za-z0-9][A-Za-z0-9-]{4,61}[A-Za-z0-9]$/.test(env.B2_BUCKET))
    problems.push("B2_BUCKET is not the name of a bucket: 6 to 63 letters, digits and hyphens");
  if (problems.length) throw new Refusal(500, `The read Worker is not set up: ${problems.join("; ")}.`);
  return {
    origin: endpoint.origin,
    host: endpoint.host,
    region,
    bucket: env.B2_BUCKET,
    upstream: { accessKeyId: env.B2_APPLICATION_KEY_ID, secretAccessKey: env.B2_APPLICATION_KEY },
  };
}
