/** A DeleteObjects: read so strictly that nothing else can be read in it, and written anew for B2. */

import { S3Error, denied, invalid, notPossible } from "./errors.js";
import { checkKey } from "./keys.js";
import { escapeXml, readText } from "./xml.js";

const LIST =
  /^(?:<\?xml version=["']1\.0["'](?: encoding=["'](?:utf-8|UTF-8|us-ascii)["'])?(?: standalone=["']yes["'])? ?\?>)?\s*<Delete(?: xmlns=["'][^"'<&]*["'])?>(.*)<\/Delete>\s*$/s;

/**
 * Return the list as B2 gets it: without Quiet, because B2's answer names what the app is told of. Throws S3Error for the
 * whole list if one entry cannot be read, has a condition, or is not for `client` to delete.
 * @param {string} xml
 * @param {{prefix: string}} client
 */
export function rewriteDeletion(xml, client) {
  const list = LIST.exec(xml);
  if (!list) throw malformed("a DeleteObjects is one Delete, and nothing but its objects stands in it");
  const objects = children(list[1], ["Object", "Quiet"]).filter(([name]) => name === "Object");
  if (!objects.length || objects.length > 1000) throw malformed("a DeleteObjects has 1 to 1000 objects");
  const parts = objects.map(([, object]) => {
    const { key, versionId } = readObject(object);
    if (!key.startsWith(client.prefix)) throw denied(`this key is for names that begin with '${client.prefix}'`);
    return `<Object><Key>${escapeXml(key)}</Key>${versionId ? `<VersionId>${versionId}</VersionId>` : ""}</Object>`;
  });
  return `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${parts.join("")}</Delete>`;
}

function readObject(xml) {
  const found = children(xml, ["Key", "VersionId"]).map(([name, text]) => [name, readText(text)]);
  const { Key: key, VersionId: versionId } = Object.fromEntries(found);
  const isOnce = new Set(found.map(([name]) => name)).size === found.length;
  if (!isOnce || !key || found.some(([, text]) => !text)) throw malformed("an object has one key, and one version or none");
  checkKey(key);
  if (versionId && !/^[\w.-]+$/.test(versionId)) throw invalid("a version has letters, digits and '_', '.', '-'");
  return { key, versionId };
}

/** Return the names and contents of the elements in `xml`, none of which has attributes; those not `known` are refused. */
function children(xml, known) {
  const found = [...xml.matchAll(/\s*<([A-Za-z]+)>(.*?)<\/\1>/gsy)];
  if (xml.slice(found.reduce((at, [whole]) => at + whole.length, 0)).trim())
    throw malformed("something in the list is not an element that can be read");
  const unknown = found.find(([, name]) => !known.includes(name));
  if (unknown) throw notPossible(`a deletion with ${unknown[1]} is not possible on B2`);
  return found.map(([, name, content]) => [name, content]);
}

const malformed = (message) => new S3Error(400, "MalformedXML", message);
