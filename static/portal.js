/* The little that HTML and htmx do not do. Every page works without it. */
"use strict";

function say(text) {
  const box = document.createElement("div");
  box.className = "callout callout-fail";
  box.setAttribute("role", "alert");
  box.textContent = text;
  const place = document.getElementById("messages");
  place.replaceChildren(box);
  box.scrollIntoView({ block: "nearest" });
}

/* Colours change at once; the form posts the choice, so that the next page has it too. */
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-theme-switch]");
  if (!form || !event.submitter) return;
  event.preventDefault();
  const chosen = event.submitter.value;
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  for (const button of form.querySelectorAll("button")) button.setAttribute("aria-pressed", button.value === chosen);
  const body = new FormData(form);
  body.set("theme", chosen);
  fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } });
});

/* A button outside its form (form="…") counts as much as one inside; htmx looks inside only. And to htmx a button that the
   Tab key reached is as good as pressed: what is saved while typing must not press it. */
document.addEventListener("htmx:configRequest", ({ detail }) => {
  const { submitter: button, type } = detail.triggeringEvent ?? {};
  if (button?.name) detail.parameters[button.name] = button.value;
  if (type === "change") for (const each of detail.elt.querySelectorAll("button[name]")) delete detail.parameters[each.name];
});

/* Signed out meanwhile: the sign-in page must not replace what was typed. */
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.responseText.trimStart().toLowerCase().startsWith("<!doctype")) {
    event.preventDefault();
    say("You are signed out. Sign in again in another tab, then save here: what you typed is still on this page.");
  }
});
document.addEventListener("htmx:sendError", () => say("The server cannot be reached. What you typed is still here; try again in a moment."));
document.addEventListener("htmx:responseError", () => say("The server could not do that. What you typed is still here; try again, or reload the page."));

/* A link to a field, or to what is folded, opens what holds it. */
function unfold(hash) {
  const target = hash.length > 1 && document.getElementById(decodeURIComponent(hash.slice(1)));
  if (!target) return;
  for (let row = target.closest("details"); row; row = row.parentElement.closest("details")) row.open = true;
  target.scrollIntoView({ block: "center" });
  target.focus({ preventScroll: true });
}
document.addEventListener("DOMContentLoaded", () => unfold(location.hash));
document.addEventListener("click", (event) => {
  const link = event.target.closest('a[href^="#id_"]');
  if (link) { event.preventDefault(); history.replaceState(null, "", link.hash); unfold(link.hash); }
});

/* What the browser holds back would stay unsaved without a word: say what it is, and open what hides it. */
document.addEventListener("invalid", (event) => {
  for (let row = event.target.closest("details"); row; row = row.parentElement.closest("details")) row.open = true;
}, true);
document.addEventListener("htmx:validation:halted", ({ detail }) => {
  const box = document.createElement("div"), list = document.createElement("ul");
  for (const { elt, message } of detail.errors) {
    const item = document.createElement("li"), link = document.createElement("a");
    link.href = `#${elt.id}`;
    link.textContent = `${elt.labels?.[0]?.textContent.trim() ?? elt.name}: ${message}`;
    item.append(link);
    list.append(item);
  }
  box.className = "callout callout-fail";
  box.setAttribute("role", "alert");
  box.append("Not saved yet. What you typed is still here.", list);
  document.getElementById("section-problems")?.replaceChildren(box);
});

/* What a person unfolded stays so when the server draws it anew. */
document.addEventListener("htmx:oobBeforeSwap", ({ detail }) => {
  for (const row of detail.target.querySelectorAll("details[id]")) {
    const anew = detail.fragment.querySelector(`[id="${row.id}"]`);
    if (anew) anew.open = row.open;
  }
});

/* Leaving with words that no server has seen asks first. */
let unsaved = false;
document.addEventListener("input", (event) => { if (event.target.closest("[data-keep]")) unsaved = true; });
document.addEventListener("submit", (event) => { if (!event.defaultPrevented && event.target.closest("[data-keep]")) unsaved = false; });
document.addEventListener("htmx:beforeOnLoad", (event) => { if (event.detail.xhr.status < 400 && event.detail.elt.closest("[data-keep]")) unsaved = false; });
window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
