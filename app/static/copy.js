// The forms an address is copied in, and the way onto the clipboard.

const FORMS = {
  link: (one) => one.url,
  markdown: (one) => `![](${one.url})`,
  html: (one) => `<img src="${one.url}" width="${one.width}" height="${one.height}" alt="">`,
  bbcode: (one) => `[img]${one.url}[/img]`,
};

/** Return uploads as text in one of the forms, one a line. */
export function formText(form, uploads) {
  return uploads.map(FORMS[form] ?? FORMS.link).join("\n");
}

/** Put text on the clipboard, also where a page without https may not ask for it. */
export async function copyText(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
