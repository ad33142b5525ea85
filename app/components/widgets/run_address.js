/** What a view shows is in the query of the address, so that reload and share show the same. */

export const readQuery = () => new URLSearchParams(window.location.search);

/** Change some names of the query; an empty value takes its name out. Nothing is loaded. */
export function writeQuery(changes) {
  const url = new URL(window.location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value) url.searchParams.set(name, value);
    else url.searchParams.delete(name);
  }
  if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
}
