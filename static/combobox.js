// Suggestions that are fetched as typed: lists that a field controls, and the combobox pattern of ARIA for text fields.
// Without this script, a combobox is a plain text field.
(() => {
  "use strict";
  const { $, $$ } = window.Coffer;
  const options = (list) => $$("[role=option]:not([hidden])", list);
  function ask(list, values) { list.setAttribute("hx-vals", JSON.stringify(values)); window.htmx.trigger(list, "wanted"); }
  function choose(field, list, option) {
    $$("[role=option]", list).forEach((o, i) => { o.id = `${list.id}-${i}`; o.setAttribute("aria-selected", o === option); });
    field.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" });
  }
  const chosen = (list) => options(list).find((o) => o.getAttribute("aria-selected") === "true");
  function step(field, list, by) {
    const all = options(list), i = all.indexOf(chosen(list)); choose(field, list, all[(i + by + all.length) % all.length]);
  }

  const listOf = (field) => document.getElementById(field.getAttribute("aria-controls"));
  const fieldOf = (list) => $(`[aria-controls="${list.id}"]`);
  const isOpen = (field) => field.getAttribute("aria-expanded") === "true";
  function close(field) {
    listOf(field).parentElement.hidden = true; field.setAttribute("aria-expanded", "false"); field.removeAttribute("aria-activedescendant");
  }
  function open(list) {
    const field = fieldOf(list), some = options(list).length > 0; if (!some || document.activeElement !== field) return close(field);
    list.parentElement.hidden = false; field.setAttribute("aria-expanded", "true"); field.removeAttribute("aria-activedescendant");
  }
  function take(field, option) {
    field.value = option.dataset.insert; close(field); field.dispatchEvent(new Event("change", { bubbles: true }));
  }
  const combobox = (e) => (e.target.matches?.("[role=combobox]") ? e.target : null);
  document.addEventListener("input", (e) => { const field = combobox(e); if (field) ask(listOf(field), { q: field.value }); });
  document.addEventListener("click", (e) => { const field = combobox(e); if (field && !isOpen(field)) ask(listOf(field), { q: "" }); });
  document.addEventListener("keydown", (e) => {
    const field = combobox(e); if (!field) return;
    const list = listOf(field), by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (by && !isOpen(field)) { e.preventDefault(); ask(list, { q: "" }); }
    else if (by) { e.preventDefault(); chosen(list) ? step(field, list, by) : choose(field, list, options(list).at(by > 0 ? 0 : -1)); }
    else if (isOpen(field) && e.key === "Enter" && chosen(list)) { e.preventDefault(); take(field, chosen(list)); }
    else if (isOpen(field) && e.key === "Escape") { e.preventDefault(); close(field); }
  });
  document.addEventListener("mousedown", (e) => {
    const option = e.target.closest?.("[data-combobox] [role=option]"); if (option) { e.preventDefault(); take(fieldOf(option.parentElement), option); }
  });
  document.addEventListener("focusout", (e) => { const field = combobox(e); if (field) close(field); });
  document.addEventListener("htmx:afterSwap", (e) => { if (e.detail.target.matches("[data-combobox]")) open(e.detail.target); });

  Object.assign(window.Coffer, { suggestions: { ask, options, choose, chosen, step } });
})();
