/* The palette: Ctrl-K or Cmd-K, or the button, opens the search as a dialog. Without this the button leads to the page. */
"use strict";

const palette = document.getElementById("palette");
const wanted = palette?.querySelector("input");

function openPalette() {
  if (palette.open) return;
  palette.showModal();
  wanted.select();
  htmx.trigger(wanted, "look");
}

const rows = () => [...palette.querySelectorAll("a.hit")];

function choose(row) {
  for (const one of rows()) one.toggleAttribute("data-chosen", one === row);
  row?.scrollIntoView({ block: "nearest" });
}

if (palette) {
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    openPalette();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-palette]");
    if (button && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); openPalette(); }
    if (event.target === palette) palette.close();
  });
  wanted.addEventListener("keydown", (event) => {
    const all = rows(), at = all.findIndex((one) => one.hasAttribute("data-chosen"));
    if (event.key === "ArrowDown") choose(all[Math.min(at + 1, all.length - 1)]);
    else if (event.key === "ArrowUp") choose(all[Math.max(at - 1, 0)]);
    else if (event.key === "Enter" && at >= 0) all[at].click();
    else if (event.key === "Escape") palette.close(); // a search field would only be emptied
    else return;
    event.preventDefault();
  });
  palette.addEventListener("htmx:afterSwap", () => choose(rows()[0]));
}
