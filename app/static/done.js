// What was done is told once: after a reload the address no longer says it.

const address = new URL(location.href);
for (const name of ["did", "count"]) address.searchParams.delete(name);
if (address.href !== location.href) history.replaceState(history.state, "", address);
