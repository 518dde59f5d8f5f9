// The forms an address is copied in, and the way onto the clipboard.

const FORMS = {
  link: (one) => one.url,
  markdown: (one) => `![](${one.url})`,
  html: (one) => `<img src="${one.url}" width="${one.width}" height="${one.height}" alt="">`,
  bbcode: (one) => `[img]${one.url}[/img]`,
};

// Markdown and BBCode have no form for a video: its poster leads to it.
const VIDEO_FORMS = {
  link: (one) => one.url,
  markdown: (one) => `[![Video](${one.thumbnail_url})](${one.url})`,
  html: (one) => `<video src="${one.url}" poster="${one.thumbnail_url}" width="${one.width}" height="${one.height}" controls preload="metadata"></video>`,
  bbcode: (one) => `[url=${one.url}][img]${one.thumbnail_url}[/img][/url]`,
};

/** Return uploads (answers of the API) as text in the form called `form`, one a line. */
export function formText(form, uploads) {
  return uploads.map((one) => {
    const forms = one.content_type?.startsWith("video/") ? VIDEO_FORMS : FORMS;
    return (forms[form] ?? forms.link)(one);
  }).join("\n");
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
