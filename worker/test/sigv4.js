/** AWS's published test suite, run in workerd: answers whether a request of the suite has the signature it came with. */

import { canonicalRequest, isSignature, parseQuery, sha256, signingKey, stringToSign, uriEncode } from "./sigv4.js";

export default {
  async fetch(request) {
    const { pair, method, path, query, headers, body, amzDate, scope, signature } = await request.json();
    const canonical = canonicalRequest({
      method,
      path: uriEncode(path, "/"),
      query: parseQuery(query),
      headers,
      payloadHash: await sha256(new TextEncoder().encode(body)),
    });
    const text = await stringToSign(amzDate, scope, canonical);
    return Response.json(await isSignature(await signingKey(pair, scope), text, signature));
  },
};
