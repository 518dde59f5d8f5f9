// The forms an address is copied in, and the way onto the clipboard.

const FORMS = {
  link: (one) => one.url,
  markdown: (one) => `![](${one.url})`,
  html: (one) => `<img src="${one.url}" width="${one.width}" height="${one.height}" alt="">`,
  bbcode: (one) => `[img]${one.url}[/img]`,
};

/** Return uploads (answers of the API) as text in the form called `form`, one a line. */
export function formText(form, uploads) {
  return uploads.map(FORMS[form] ?? FORMS.link).join("\n");
}

/**
 * Put text on the clipboard, also where a page without https has no clipboard API.
 * @returns {Promise<boolean>} whether the browser let us
 */
export async function copyText(text) {
  if (navigator.clipboard && isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      if (error.name !== "NotAllowedError") throw error;
    }
  }
  return copyBySelection(text);
}

function copyBySelection(text) {
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  before?.focus();
  return isCopied;
}
