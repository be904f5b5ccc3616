// Remembers whether the agenda is collapsed, in a cookie, so that the server renders it so.
const YEAR = 31_536_000; // seconds

document.addEventListener("toggle", ({ target }) => {
  if (target.id !== "agenda") return;
  const path = new URL(document.querySelector("#agenda").dataset.path, location).pathname;
  document.cookie = `agenda=${target.open ? "" : "closed"}; path=${path}; max-age=${
    target.open ? 0 : YEAR
  }; samesite=lax`;
}, { capture: true });
