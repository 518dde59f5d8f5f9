// An image that the server is to fetch, as one of the files of the page.

/**
 * @param {string} address http or https
 * @returns {File & {address: string}} an empty file of the name that the address ends in
 */
export function fileAt(address) {
  const { host, pathname } = new URL(address);
  const last = pathname.split("/").pop();
  let name = last || host;
  try {
    name = decodeURIComponent(name);
  } catch (error) {
    if (!(error instanceof URIError)) throw error; // a percent sign that stands for itself
  }
  return Object.assign(new File([], name), { address });
}
