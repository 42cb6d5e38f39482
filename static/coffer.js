// The behaviour of every page. Events are delegated, so the code also works on markup that htmx swaps in. There are no
// dependencies. Elements are built with createElement and textContent only, never by parsing text as markup.
(() => {
  "use strict";
  const $ = (s, r = document) => r.querySelector(s), $$ = (s, r = document) => [...r.querySelectorAll(s)];
  const el = (tag, cls, text) => Object.assign(document.createElement(tag), { className: cls || "", textContent: text || "" });
  const sprite = document.documentElement.dataset.icons;
  const icon = (name, cls = "icon") => {
    const ns = "http://www.w3.org/2000/svg", s = document.createElementNS(ns, "svg"), u = document.createElementNS(ns, "use");
    s.setAttribute("class", cls); s.setAttribute("viewBox", "0 0 24 24"); s.setAttribute("aria-hidden", "true");
    u.setAttribute("href", `${sprite}#${name}`); s.append(u); return s;
  };
  const fade = (t) => setTimeout(() => t.remove(), 4000);
  const toast = (text, image = "check") => { const t = el("div", "", text); t.prepend(icon(image)); $$("#toasts > :not(.keep)").forEach((o) => o.remove()); $("#toasts")?.append(t); fade(t); };

  // Theme: stored in a cookie that the server renders as <html data-theme>, so the page does not flash.
  function setTheme(v) {
    const system = v === "system", secure = location.protocol === "https:" ? "; Secure" : "";
    system ? document.documentElement.removeAttribute("data-theme") : document.documentElement.setAttribute("data-theme", v);
    document.cookie = `theme=${system ? "" : v}; Path=/; Max-Age=${system ? 0 : 31536000}; SameSite=Lax${secure}`;
  }

  // Keyboard: "/" search, "?" shortcuts; other keys are declared on their links and buttons (data-key).
  let g = 0;
  document.addEventListener("keydown", (e) => {
    const typing = e.target.closest("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable]");
    if (typing || e.ctrlKey || e.metaKey || e.altKey || $("dialog:modal")) return;
    if (e.key === "/" && $("[data-search]")) { e.preventDefault(); $("[data-search]").focus(); }
    else if (e.key === "?") $("#shortcuts")?.showModal();
    else if (e.key === "g") g = Date.now();
    else if (/^[a-z]$/.test(e.key)) $(`[data-key="${Date.now() - g < 900 ? "g " : ""}${e.key}"]`)?.click();
  });

  // Arrow keys in menus, and down into a menu from its button.
  document.addEventListener("keydown", (e) => {
    const menu = e.target.closest(".menu[popover]"), items = menu ? $$(".item", menu).filter((i) => i.offsetParent) : [], at = items.indexOf(e.target.closest(".item"));
    const next = { ArrowDown: items[(at + 1) % items.length], ArrowUp: items.at(at > 0 ? at - 1 : -1), Home: items[0], End: items.at(-1) }[e.key];
    if (next) { e.preventDefault(); next.focus(); return; }
    const opener = e.target.closest("[popovertarget]"), opened = opener && document.getElementById(opener.getAttribute("popovertarget"));
    if (e.key === "ArrowDown" && opened?.matches(".menu")) { e.preventDefault(); opened.showPopover(); $(".item", opened)?.focus(); }
  });

  async function copy(button) {
    try { await navigator.clipboard.writeText(button.dataset.copy); }
    catch { toast("The browser did not allow copying", "circle-alert"); return; }
    button.classList.add("copied"); setTimeout(() => button.classList.remove("copied"), 1600); toast(button.dataset.said || "Copied " + button.dataset.copy);
  }
  function expand(button) {
    const on = button.getAttribute("aria-expanded") !== "true", d = document.getElementById(button.getAttribute("aria-controls"));
    button.setAttribute("aria-expanded", on); if (d) d.hidden = !on;
  }
  // For browsers that do not support the command attribute.
  function command(button) {
    const d = document.getElementById(button.getAttribute("commandfor"));
    button.getAttribute("command") === "show-modal" ? d.showModal() : d.close();
  }
  document.addEventListener("click", (e) => {
    const t = e.target, close = t.closest("[data-close]"), dialog = close?.closest("dialog:modal");
    if (t.closest("[data-copy]")) copy(t.closest("[data-copy]"));
    if (t.closest(".expander")) expand(t.closest(".expander"));
    if (t.closest("[commandfor]") && !("commandForElement" in HTMLButtonElement.prototype)) command(t.closest("[commandfor]"));
    if (dialog) { e.preventDefault(); dialog.close(); }
    t.closest("[data-dismiss]")?.closest("#toasts > *").remove();
    if (t.closest(".menu .item[hx-get]")) t.closest(".menu").hidePopover();
    if (t.closest("a[href^='#f-']")) focusField(e, t.closest("a[href^='#f-']").getAttribute("href"));
  });
  function focusField(e, hash) {
    const field = document.getElementById(hash.slice(1)); if (!field) return;
    e.preventDefault(); field.focus(); field.scrollIntoView({ block: "center" });
  }
  document.addEventListener("change", (e) => { if (e.target.name === "theme") setTheme(e.target.value); });

  // Selecting rows: CSS shows the bar; this updates the bar's number and the checkbox in the table head.
  const picks = () => $$("[type=checkbox][name=pick]");
  function picked() {
    const n = picks().filter((c) => c.checked).length, all = $("[name=pick-all]"); if (!all) return;
    $("#bulk-n").value = n; all.checked = n > 0 && n === picks().length; all.indeterminate = n > 0 && n < picks().length;
  }
  document.addEventListener("change", (e) => {
    if (e.target.name === "pick-all") picks().forEach((c) => { c.checked = e.target.checked; });
    if (e.target.name?.startsWith("pick")) picked();
  });
  document.addEventListener("click", (e) => { if (e.target.closest("[data-clear-picks]")) { picks().forEach((c) => { c.checked = false; }); picked(); } });

  // A dangerous button is disabled until the name is typed. Without this script, only the server checks the name.
  const guard = (input) => { const b = document.getElementById(input.dataset.enables); if (b) b.disabled = input.value !== input.dataset.confirmName; };
  document.addEventListener("input", (e) => { if (e.target.matches("[data-confirm-name]")) guard(e.target); });

  // Functions that run once for each page or swapped fragment. Other scripts add their own.
  const starters = [];
  function start(root) {
    $$("dialog[data-autoshow]", root).forEach((d) => d.open || d.showModal());
    $$("[data-confirm-name]", root).forEach(guard);
    $$("#toasts > :not(.keep)", root).forEach(fade);
    $("[role=alert][tabindex='-1']", root)?.focus();
    starters.forEach((s) => s(root));
  }

  // htmx: a response from another path is a page (signed out, moved). It is loaded as a page, not swapped in.
  document.addEventListener("htmx:beforeSwap", (e) => {
    const asked = new URL(e.detail.pathInfo.finalRequestPath, location.href), got = new URL(e.detail.xhr.responseURL);
    if (asked.pathname !== got.pathname) { e.detail.shouldSwap = false; location.reload(); }
  });
  // What polls rests while nobody looks at the page.
  document.addEventListener("htmx:beforeRequest", (e) => {
    if (document.hidden && e.detail.elt.getAttribute("hx-trigger")?.startsWith("every ")) e.preventDefault();
  });
  // A card that somebody is at stays as it is; what polls tries again.
  document.addEventListener("htmx:oobBeforeSwap", (e) => {
    if (e.detail.target.matches("[data-keep]") && e.detail.target.contains(document.activeElement)) e.detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSwap", (e) => {
    const target = e.detail.target; target.hidden = false; start(target);
  });
  // A replaced row is closed again, and its details are requested anew when it opens.
  document.addEventListener("htmx:load", (e) => {
    const row = e.detail.elt, exp = row.matches("tr") && $(".expander", row); if (!exp) return;
    const d = document.getElementById(exp.getAttribute("aria-controls")); if (d) d.hidden = true;
    if (document.activeElement === document.body) $("[popovertarget]", row)?.focus();
  });
  const REFUSALS = { 403: "Your role does not allow this", 404: "This no longer exists. Reload the page", 413: "That is too large to send at once", 429: "Too many at once. Try again in a moment" };
  document.addEventListener("htmx:responseError", (e) => toast(REFUSALS[e.detail.xhr.status] || "Something broke on our side. Try again in a moment", "circle-alert"));
  document.addEventListener("htmx:sendError", () => toast("Coffer could not be reached. Check your connection", "circle-alert"));
  document.addEventListener("toast", (e) => toast(e.detail.value));

  window.Coffer = { $, $$, el, icon, sprite, onStart: (s) => { starters.push(s); s(document); } };
  start(document);
})();
