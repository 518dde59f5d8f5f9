(() => {
  const area = (image) => image.naturalWidth * image.naturalHeight;
  const largest = () => [...document.images].sort((one, other) => area(other) - area(one))[0];
  const address = document.contentType.startsWith("image/") ? location.href : largest()?.currentSrc;
  if (/^https?:/.test(address)) open("https://HOST/?url=" + encodeURIComponent(address), "_blank", "noopener");
  else alert("There is no image with an address on this page.");
})();
