// Forms: repeated rows, allowed domains as chips, live name rules, the note about unsaved changes.
(() => {
  "use strict";
  const { $, $$, el, icon, sprite, onStart } = window.Coffer;

  // Rows of headers, query parameters, form fields and parameters are copied from a <template>, whose ids end in "-new".
  let added = 0;
  function addRow(name) {
    const row = document.getElementById("row-" + name).content.cloneNode(true), list = document.getElementById("rows-" + name);
    added += 1;
    $$("[id], [for], [aria-describedby]", row).forEach((node) => ["id", "for", "aria-describedby"].forEach((a) => {
      if (node.hasAttribute(a)) node.setAttribute(a, node.getAttribute(a).replace(/-new\b/g, "-added" + added));
    }));
    list.append(row); $("input", list.lastElementChild).focus(); changed(list);
  }
  function removeRow(button) {
    const row = button.closest("[data-row]"), list = row.parentElement, next = row.nextElementSibling || row.previousElementSibling;
    row.remove(); changed(list); ($("input", next || list) || $(`[data-add-row="${list.id.slice(5)}"]`))?.focus();
  }
  const changed = (node) => node.dispatchEvent(new Event("change", { bubbles: true }));

  // Allowed domains. The server checks each; this only refuses texts that cannot be a host name.
  const NOT_A_HOST = /[\s/:@?#\\]/;
  function domainsChanged(box) {
    const now = $$(".chip", box).map((c) => c.dataset.domain).join(" "), differs = box.dataset.initial !== undefined && now !== box.dataset.initial;
    const note = document.getElementById(box.dataset.note); if (note) note.hidden = !differs;
    $$("[data-needs-value]").forEach((i) => { i.placeholder = differs ? "New value needed" : "Leave blank to keep the current value"; });
  }
  function chip(domain, fresh) {
    const c = el("span", "chip" + (fresh ? " new" : ""), domain), b = el("button"), h = el("input");
    c.dataset.domain = domain; b.type = "button"; b.dataset.remove = ""; b.setAttribute("aria-label", "Remove " + domain); b.append(icon("x"));
    h.type = "hidden"; h.name = "domains"; h.value = domain; c.append(b, h); return c;
  }
  function addDomains(input) {
    const box = input.closest(".chips"), typed = input.value.toLowerCase().split(/[,\s]+/).filter(Boolean), bad = typed.some((d) => NOT_A_HOST.test(d));
    document.getElementById(box.dataset.error).hidden = !bad; bad ? input.setAttribute("aria-invalid", "true") : input.removeAttribute("aria-invalid");
    if (bad || !typed.length) return;
    const known = $$(".chip", box).map((c) => c.dataset.domain);
    typed.filter((d, i) => !known.includes(d) && typed.indexOf(d) === i).forEach((d) => box.insertBefore(chip(d, box.dataset.initial !== undefined), input));
    input.value = ""; domainsChanged(box);
  }
  function removeDomain(button) {
    const box = button.closest(".chips"); button.parentElement.remove(); $("#f-domains", box).focus(); domainsChanged(box);
  }
  // A proposed host is added to the list like a typed one.
  function allow(button) {
    const input = $("#f-domains"); addDomains(input); input.value = button.dataset.addDomain; addDomains(input); input.focus();
  }
  // Hosts of the service whose credentials begin like a typed value. The value stays in the browser.
  function proposeHosts(field) {
    const box = document.getElementById("value-hosts"), data = document.getElementById("value-prefixes"); if (!box || !data) return;
    const typed = field.value.trim(), known = JSON.parse(data.textContent).filter((k) => typed.startsWith(k.prefix));
    const match = known.sort((a, b) => b.prefix.length - a.prefix.length)[0];
    box.replaceChildren(); if (!match) return;
    const row = el("p", "row tight");
    match.hosts.forEach((host) => {
      const b = el("button", "btn sm mono"); b.type = "button"; b.dataset.addDomain = host; b.setAttribute("aria-label", "Allow " + host);
      b.append(icon("plus"), host); row.append(b);
    });
    box.append(el("p", "hint", `The value looks like one of ${match.service}. Its hosts:`), row);
  }
  document.addEventListener("input", (e) => { if (e.target.name?.startsWith("value_")) proposeHosts(e.target); });
  document.addEventListener("keydown", (e) => {
    const input = e.target.closest?.(".chips input"); if (!input) return;
    if (e.key === "Enter" || e.key === ",") { e.preventDefault(); addDomains(input); }
    if (e.key === "Backspace" && !input.value) { $$(".chip", input.parentElement).at(-1)?.remove(); domainsChanged(input.parentElement); }
  });
  document.addEventListener("focusout", (e) => { if (e.target.matches?.(".chips input")) addDomains(e.target); });

  // Live name rules (the server checks again, and checks that the name is free).
  const RULES = {
    start: (v) => /^[A-Za-z]/.test(v), chars: (v) => /^[A-Za-z0-9_.-]*$/.test(v), ends: (v) => !/[.]$|[.]{2}/.test(v),
    generic: (v) => !/^(api[-_.]?key|token|secret|password|key)\d*$/i.test(v),
  };
  const LOOKS = { "": "circle-dashed", ok: "circle-check", bad: "circle-x" };
  function checkName(v) {
    $$("[data-rule]").forEach((li) => {
      li.className = !v ? "" : RULES[li.dataset.rule](v) ? "ok" : "bad"; $("use", li).setAttribute("href", `${sprite}#${LOOKS[li.className]}`);
    });
  }
  function useName(name) {
    const input = $("[data-name]"); input.value = name; input.dispatchEvent(new Event("input", { bubbles: true })); input.focus();
  }

  document.addEventListener("click", (e) => {
    const on = (selector) => e.target.closest(selector);
    if (on("[data-add-row]")) addRow(on("[data-add-row]").dataset.addRow);
    if (on("[data-remove-row]")) removeRow(on("[data-remove-row]"));
    if (on(".chip [data-remove]")) removeDomain(on(".chip [data-remove]"));
    if (on("[data-add-domain]")) allow(on("[data-add-domain]"));
    if (on("[data-use-name]")) useName(on("[data-use-name]").dataset.useName);
  });
  // Fields that apply only to some choices of another field.
  function showFields() {
    $$("[data-shown-for]").forEach((field) => {
      const inputs = $$(`[name="${field.dataset.shownFor}"]`), chosen = inputs.find((i) => i.type !== "radio" || i.checked)?.value;
      field.hidden = !field.dataset.shownValues.split(" ").includes(chosen);
    });
  }
  document.addEventListener("change", showFields);
  // Abort a pending request when a checkbox changes: its response would restore the old state of the checkboxes.
  document.addEventListener("change", (e) => {
    const late = document.getElementById(e.target.closest?.("[data-aborts]")?.dataset.aborts);
    late?.dispatchEvent(new CustomEvent("htmx:abort", { bubbles: true, detail: { elt: late } }));
  });
  onStart(showFields);

  const touched = (e) => { const note = document.getElementById(e.target.closest("form[data-watch]")?.dataset.watch); if (note) note.hidden = false; };
  document.addEventListener("change", touched);
  document.addEventListener("input", (e) => { touched(e); if (e.target.matches("[data-name]")) checkName(e.target.value); });
  onStart((root) => { const name = $("[data-name]", root); if (name) checkName(name.value); });
})();
