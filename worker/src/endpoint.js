/** Where B2 is: an address that may be written without its scheme. */

/** Return the URL, or null for what is none. B2 listens on 443 alone; plain HTTP is for a stand-in on this machine. */
export function readEndpoint(text) {
  const address = text.includes("://") ? text : `https://${text}`;
  if (!text || !URL.canParse(address)) return null;
  const url = new URL(address);
  const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname);
  return url.protocol === "https:" || (url.protocol === "http:" && isLocal) ? url : null;
}

/** Return the region, which is part of the host of every endpoint of B2; undefined for other hosts. */
export const regionOf = (endpoint) => /^s3\.([a-z0-9-]+)\./.exec(endpoint?.hostname ?? "")?.[1];
