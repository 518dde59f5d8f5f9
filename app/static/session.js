// The browser's session, as the server sees it now.

/**
 * Fetch the CSRF token of the session; the upload page carries it.
 * @returns {Promise<?string>} null where nobody is signed in; rejects with a TypeError where the server does not answer
 */
export async function csrfToken() {
  const page = await fetch("/", { redirect: "manual", cache: "no-store" });
  if (page.type === "opaqueredirect") return null; // to the sign-in page
  if (!page.ok) throw new TypeError(`the server answered ${page.status}`);
  return /<meta name="csrf-token" content="(\w+)">/.exec(await page.text())?.[1] ?? null;
}
