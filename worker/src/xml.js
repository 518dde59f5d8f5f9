/** XML as S3 writes it: flat lists of texts. */

const REFERENCE = /&(?:#x([0-9A-Fa-f]+)|#(\d+)|(amp|lt|gt|quot|apos));/g;
const CHARACTERS = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const ENTITIES = Object.fromEntries(Object.entries(CHARACTERS).map(([name, character]) => [character, `&${name};`]));
const NOT_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Return `text` as XML has it; what XML 1.0 cannot hold at all goes. */
export const escapeXml = (text) => text.replace(NOT_XML, "").replace(/[&<>"']/g, (character) => ENTITIES[character]);

/** Return the text that stands in an element, or null for what is none: an element, a CDATA, half of a reference. */
export function readText(xml) {
  if (/[<&]/.test(xml.replace(REFERENCE, ""))) return null;
  const text = xml.replace(REFERENCE, (_, hex, decimal, name) => {
    const code = hex ? parseInt(hex, 16) : Number(decimal);
    return name ? CHARACTERS[name] : code > 0x10ffff ? "\uffff" : String.fromCodePoint(code);
  });
  return text.search(NOT_XML) < 0 ? text : null;
}

/** Return what stands in each element `name` of an answer of B2's: in one pass over it, whatever it holds. */
export const contents = (xml, name) =>
  xml.split(`<${name}>`).slice(1).filter((rest) => rest.includes(`</${name}>`)).map((rest) => rest.split(`</${name}>`)[0]);

/** Return the texts of the elements `name` of an answer of B2's. */
export const elements = (xml, name) => contents(xml, name).map((text) => readText(text) ?? text);
