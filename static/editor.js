// The editor for texts with placeholders: highlights {secrets.x} and {params.x} behind a transparent textarea and
// completes names after "{". combobox.js is loaded before it.
(() => {
  "use strict";
  const { $, $$, el, icon, onStart, suggestions } = window.Coffer;
  const PLACEHOLDER = /(\{(?:secrets|params)\.[\w.-]*\})/, TYPED = /\{((?:[a-z]+\.)?[\w.-]*)$/, AT_ONCE = 20;
  const box = $("#suggest"), list = $("#suggest-list"), exist = $("#suggest-known");
  const declared = () => $$("[name=param_name]").map((i) => i.value.trim()).filter(Boolean);

  // Whether a secret of this name exists: yes, no, or undefined until the server has answered.
  const known = new Map(); let asked = [];
  function askFor(names) {
    const unknown = names.filter((name) => name && !known.has(name)); if (!unknown.length) return;
    asked = [...new Set(unknown)].slice(0, AT_ONCE); suggestions.ask(exist, { name: asked });
  }
  function look(part, params) {
    const name = part.slice(1, -1), param = name.startsWith("params.");
    if (param) return params.includes(name.slice(7)) ? "param" : "ref bad";
    return known.get(name.slice(8)) === false ? "ref bad" : "ref";
  }
  const parts = (area) => area.value.split(PLACEHOLDER);
  function paint(area) {
    const pre = area.previousElementSibling, params = declared(); pre.replaceChildren();
    parts(area).forEach((part) => pre.append(PLACEHOLDER.test(part) ? el("span", look(part, params), part) : part));
    pre.append("\n");
  }
  const areas = (root) => $$(".editor > textarea", root);
  function paintAll(root) {
    areas(root).forEach(paint);
    askFor(areas(document).flatMap(parts).filter((part) => part.startsWith("{secrets.") && PLACEHOLDER.test(part)).map((part) => part.slice(9, -1)));
  }

  // The server puts secrets first that may be sent to the host of the base URL.
  function host() { try { return new URL($("[data-base-url]").value).hostname; } catch { return ""; } }
  function paramOption(name) {
    const o = el("li"); o.dataset.insert = "params." + name; o.dataset.param = "";
    o.setAttribute("role", "option"); o.append(icon("braces", "icon sm"), el("span", "mono", name), el("span", "tag", "Parameter")); return o;
  }

  // A name that no secret has can be created: the placeholder is inserted, and the form of a new secret opens beside.
  const NAME = /^[A-Za-z][\w.-]*[A-Za-z0-9_-]$/;
  function createOption(name) {
    const o = el("li"); o.dataset.insert = name; o.dataset.create = "";
    o.setAttribute("role", "option"); o.append(icon("plus", "icon sm"), el("span", "", "Create secret "), el("span", "mono", name), el("span", "tag", "New tab")); return o;
  }
  function offerToCreate(area) {
    $$("[data-create]", list).forEach((o) => o.remove());
    const name = area.value.slice(0, area.selectionStart).match(TYPED)?.[1].replace(/^secrets\./, "");
    const exists = $$("[role=option]:not([data-param])", list).some((o) => o.dataset.insert.toLowerCase() === name?.toLowerCase());
    if (name && !name.startsWith("params.") && NAME.test(name) && !exists) list.append(createOption(name));
  }

  let current = null;
  const wanted = (area) => area.value.slice(0, area.selectionStart).match(TYPED)?.[1].toLowerCase();
  function close() { box.hidden = true; current?.removeAttribute("aria-activedescendant"); current = null; }
  function suggest(area) {
    const text = wanted(area); if (text === undefined) return close();
    show(area, text); suggestions.ask(list, { q: text.replace(/^secrets\./, ""), host: host() });
  }
  // Shows what is known of the typed text; the answer of the server is shown the same way.
  function show(area, text) {
    const group = text.match(/^(secrets|params)\./);
    $$("[data-param]", list).forEach((o) => o.remove()); list.append(...declared().map(paramOption)); offerToCreate(area);
    $$("[role=option]", list).forEach((o) => {
      const full = (o.dataset.param === "" ? "" : "secrets.") + o.dataset.insert.toLowerCase(), bare = full.slice(full.indexOf(".") + 1);
      if (o.dataset.create === "") { o.hidden = false; return; }
      o.hidden = group ? !(full.startsWith(group[0]) && bare.includes(text.slice(group[0].length))) : !(bare.includes(text) || full.startsWith(text));
    });
    if (!suggestions.options(list).length) return close();
    if (box.parentElement !== area.closest(".rel")) area.closest(".rel").append(box);
    box.hidden = false; current = area; suggestions.choose(area, list, suggestions.options(list)[0]);
  }
  document.addEventListener("htmx:afterSwap", (e) => {
    const area = document.activeElement;
    if (e.detail.target === list) $$("[role=option]", list).forEach((o) => known.set(o.dataset.insert, true));
    if (e.detail.target === list && area.matches(".editor > textarea") && wanted(area) !== undefined) show(area, wanted(area));
    if (e.detail.target !== exist) return;
    const found = $$("[role=option]", exist).map((o) => o.dataset.insert); asked.forEach((name) => known.set(name, found.includes(name))); paintAll(document);
  });
  function pick(option) {
    const area = current, at = area.selectionStart, text = `{${option.dataset.param === "" ? "" : "secrets."}${option.dataset.insert}}`;
    const before = area.value.slice(0, at).replace(TYPED, () => text), after = area.value.slice(at).replace(/^\}/, "");
    area.value = before + after; area.setSelectionRange(before.length, before.length); close(); paint(area); area.focus();
    area.dispatchEvent(new Event("change", { bubbles: true }));
    if (option.dataset.create === "") open(`${box.dataset.new}?name=${encodeURIComponent(option.dataset.insert)}`, "_blank", "noopener");
  }

  document.addEventListener("input", (e) => {
    if (e.target.matches(".editor > textarea")) { paint(e.target); suggest(e.target); }
    if (e.target.matches("[name=param_name]")) paintAll(document);
  });
  document.addEventListener("change", (e) => { if (e.target.matches("#rows-param, .editor > textarea")) paintAll(document); });
  document.addEventListener("keydown", (e) => {
    if (!current || e.target !== current) return;
    const option = suggestions.chosen(list), by = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (by) { e.preventDefault(); suggestions.step(current, list, by); }
    else if ((e.key === "Enter" || e.key === "Tab") && option) { e.preventDefault(); pick(option); }
    else if (e.key === "Escape") { e.preventDefault(); close(); }
  });
  document.addEventListener("mousedown", (e) => { const o = e.target.closest("#suggest [role=option]"); if (o) { e.preventDefault(); pick(o); } });
  document.addEventListener("focusout", (e) => { if (e.target === current) close(); });
  // Single-line texts (a header, the path) accept no line break.
  document.addEventListener("keydown", (e) => { if (e.key === "Enter" && e.target.matches?.(".editor > textarea[rows='1']") && !current) e.preventDefault(); });
  onStart(paintAll);

  // Raw credentials: each change is sent to the server for a check. Each note is placed below its field.
  const COLUMN = /^(\w+)_([a-z]+)-(\d+)$/;
  function control(field) {
    const found = field.match(COLUMN); if (!found) return document.getElementById("f-" + field);
    const rows = $$(`#rows-${found[1]} > [data-row]`).filter((row) => $$("input, textarea", row).some((i) => i.value.trim()));
    return rows[found[3]] && $(`[name=${found[1]}_${found[2]}]`, rows[found[3]]);
  }
  function place(box) {
    $$("[data-pasted-in]").filter((note) => !box.contains(note)).forEach((note) => note.remove());
    $$("[data-pasted-in]", box).forEach((note) => (control(note.dataset.pastedIn)?.closest("[data-row], .field, .body-text") || null)?.after(note));
  }
  const ask = (e) => { const box = $("[data-pasted]"); if (box && box.closest("form")?.contains(e.target) && !e.target.closest("[data-pasted], [data-pasted-in]")) window.htmx.trigger(box, "pasted-check"); };
  document.addEventListener("change", ask);
  document.addEventListener("paste", (e) => setTimeout(() => ask(e)));
  onStart((root) => { const box = root.matches?.("[data-pasted]") ? root : $("[data-pasted]", root); if (box) place(box); });
})();
