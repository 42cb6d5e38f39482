// The editor for texts with placeholders: highlights {secrets.x} and {params.x} behind a transparent textarea and
// completes names after "{".
(() => {
  "use strict";
  const { $, $$, el, icon, onStart } = window.Coffer;
  const PLACEHOLDER = /(\{(?:secrets|params)\.[\w.-]*\})/, TYPED = /\{((?:[a-z]+\.)?[\w.-]*)$/;
  const box = $("#suggest"), list = $("[role=listbox]", box), secrets = $$("[role=option]", list);
  const known = new Set(secrets.map((o) => o.dataset.insert));
  const declared = () => $$("[name=param_name]").map((i) => i.value.trim()).filter(Boolean);

  function look(part, params) {
    const name = part.slice(1, -1), param = name.startsWith("params.");
    if (param) return params.includes(name.slice(7)) ? "param" : "ref bad";
    return known.has(name) ? "ref" : "ref bad";
  }
  function paint(area) {
    const pre = area.previousElementSibling, params = declared(); pre.replaceChildren();
    area.value.split(PLACEHOLDER).forEach((part) => pre.append(PLACEHOLDER.test(part) ? el("span", look(part, params), part) : part));
    pre.append("\n");
  }
  const paintAll = (root) => $$(".editor > textarea", root).forEach(paint);

  // Whether this secret may be sent to the host of the base URL. An empty list of domains allows any host.
  function host() { try { return new URL($("[data-base-url]").value).hostname; } catch { return ""; } }
  const covers = (rule, name) => (rule.startsWith("*.") ? name.endsWith(rule.slice(1)) : name === rule);
  function verdict(option, name) {
    if ("disabled" in option.dataset) return { rank: 3, text: "Disabled", cls: "tag" };
    const rules = option.dataset.domains.split(" ").filter(Boolean);
    if (!rules.length) return { rank: 1, text: "Any domain", cls: "tag" };
    if (!name) return { rank: 1, text: "", cls: "" };
    return rules.some((r) => covers(r, name)) ? { rank: 0, text: "Allowed here", cls: "tag ok" } : { rank: 2, text: "Not for this domain", cls: "tag warn" };
  }
  function judged() {
    const name = host();
    return secrets.map((option) => [option, verdict(option, name)]).sort((a, b) => a[1].rank - b[1].rank).map(([option, v]) => {
      $(".tag", option)?.remove(); if (v.text) option.append(el("span", v.cls, v.text)); return option;
    });
  }
  function paramOption(name, i) {
    const o = el("li"); o.id = "suggest-p" + i; o.dataset.insert = "params." + name;
    o.setAttribute("role", "option"); o.append(icon("braces", "icon sm"), el("span", "mono", name), el("span", "tag", "Parameter")); return o;
  }

  let current = null;
  const options = () => $$("[role=option]:not([hidden])", list);
  function choose(area, option) {
    $$("[role=option]", list).forEach((o) => o.setAttribute("aria-selected", o === option));
    area.setAttribute("aria-activedescendant", option.id); option.scrollIntoView({ block: "nearest" });
  }
  function close() { box.hidden = true; current?.removeAttribute("aria-activedescendant"); current = null; }
  function suggest(area) {
    const typed = area.value.slice(0, area.selectionStart).match(TYPED); if (!typed) return close();
    const wanted = typed[1].toLowerCase(), group = wanted.match(/^(secrets|params)\./);
    list.replaceChildren(...judged(), ...declared().map(paramOption));
    $$("[role=option]", list).forEach((o) => {
      const full = o.dataset.insert.toLowerCase(), bare = full.slice(full.indexOf(".") + 1);
      o.hidden = group ? !(full.startsWith(group[0]) && bare.includes(wanted.slice(group[0].length))) : !(bare.includes(wanted) || full.startsWith(wanted));
    });
    if (!options().length) return close();
    area.closest(".rel").append(box); box.hidden = false; current = area; choose(area, options()[0]);
  }
  function pick(option) {
    const area = current, at = area.selectionStart, text = `{${option.dataset.insert}}`;
    const before = area.value.slice(0, at).replace(TYPED, () => text), after = area.value.slice(at).replace(/^\}/, "");
    area.value = before + after; area.setSelectionRange(before.length, before.length); close(); paint(area); area.focus();
    area.dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("input", (e) => {
    if (e.target.matches(".editor > textarea")) { paint(e.target); suggest(e.target); }
    if (e.target.matches("[name=param_name]")) paintAll(document);
  });
  document.addEventListener("change", (e) => { if (e.target.matches("#rows-param")) paintAll(document); });
  document.addEventListener("keydown", (e) => {
    if (!current || e.target !== current) return;
    const all = options(), i = all.findIndex((o) => o.getAttribute("aria-selected") === "true");
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); choose(current, all[(i + (e.key === "ArrowDown" ? 1 : -1) + all.length) % all.length]); }
    else if ((e.key === "Enter" || e.key === "Tab") && all[i]) { e.preventDefault(); pick(all[i]); }
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
