// Nothing typed is lost: leaving a changed form asks, another tab with the same form is told, and the form of a secret is
// checked without its values before these are sent. A form opts in with data-guard, data-object and data-check.
(() => {
  "use strict";
  const { $, $$, el, icon, onStart } = window.Coffer;

  const dirty = () => $("form[data-guard].dirty");
  const form = (e) => e.target.form || e.target.closest?.("form");
  const touched = (e) => { if (form(e)?.matches("[data-guard]") && !e.target.matches("[type=search]")) form(e).classList.add("dirty"); };
  document.addEventListener("input", touched);
  document.addEventListener("change", touched);
  addEventListener("beforeunload", (e) => { if (dirty()) e.preventDefault(); });
  document.addEventListener("click", (e) => {
    const link = e.target.closest("a[href]"), changed = dirty();
    if (link?.id === "unsaved-go") changed?.classList.remove("dirty");
    if (!link || !changed || link.id === "unsaved-go" || link.target || e.defaultPrevented || e.ctrlKey || e.metaKey || e.shiftKey) return;
    if (link.getAttribute("href").startsWith("#") || link.matches("[hx-get], [data-close]")) return;
    e.preventDefault();
    $("#unsaved-what").textContent = changed.dataset.guard; $("#unsaved-go").href = link.href; $("#unsaved-changes").showModal();
  });
  // "Stay and save" is the default of the dialog.
  $("[data-stay]")?.addEventListener("click", () => { $("#unsaved-changes").close(); dirty()?.requestSubmit(); });

  // Tabs tell each other which stored object their form is about, and when it was saved.
  const tabs = "BroadcastChannel" in window ? new BroadcastChannel("coffer-forms") : null;
  const about = () => $("form[data-object]")?.dataset.object;
  function tell(id, words) {
    const f = $("form[data-object]"); if (!f || document.getElementById(id)) return;
    const note = el("div", "note warn gap-below"), strong = el("strong", "", words[0]), p = el("p", "", words[1]);
    note.id = id; note.setAttribute("role", "status"); note.append(icon("triangle-alert"), strong, p); f.before(note);
  }
  tabs?.addEventListener("message", (e) => {
    if (!about() || e.data.about !== about()) return;
    if (e.data.what === "saved") tell("saved-elsewhere", ["This was saved in another tab", "What you see here may be out of date. Reload the page before you change it."]);
    else tell("open-elsewhere", ["This is open in another tab as well", "Save in one of them, and reload the other."]);
    if (e.data.what === "opened") tabs.postMessage({ what: "open", about: about() });
  });
  if (about()) tabs?.postMessage({ what: "opened", about: about() });
  try {
    const saved = sessionStorage.getItem("coffer-saving");
    if (saved && !$("#errors")) tabs?.postMessage({ what: "saved", about: saved });
    sessionStorage.removeItem("coffer-saving");
  } catch { /* the browser keeps no storage: tabs are not told */ }

  // The check before sending: everything but the values, of which only the names of the filled fields are sent.
  const VALUE = /^value_/;
  function rest(f) {
    const data = new FormData(f), typed = [...data.keys()].filter((name) => VALUE.test(name) && data.get(name));
    [...data.keys()].filter((name) => VALUE.test(name)).forEach((name) => data.delete(name));
    typed.forEach((name) => data.append("typed", name));
    return data;
  }
  function show(f, title, errors) {
    $$(".error[data-checked]", f).forEach((p) => p.remove());
    $$("[data-checked-wrong]", f).forEach((i) => { i.removeAttribute("aria-invalid"); delete i.dataset.checkedWrong; });
    $("#errors")?.remove();
    const note = el("div", "note bad gap-below"), list = el("ul", "plain-list");
    note.id = "errors"; note.tabIndex = -1; note.setAttribute("role", "alert"); note.append(icon("circle-alert"), el("strong", "", title), list);
    errors.forEach(({ field, message, label }) => {
      const li = el("li"), input = document.getElementById("f-" + field), words = label ? `${label}: ${message}` : message;
      if (!input) { li.textContent = words; list.append(li); return; }
      const a = el("a", "", words), p = el("p", "error", message);
      a.href = "#f-" + field; li.append(a); list.append(li);
      p.dataset.checked = ""; p.prepend(icon("circle-alert")); input.setAttribute("aria-invalid", "true"); input.dataset.checkedWrong = "";
      (input.closest(".chips, .combo") || input).after(p);
    });
    f.before(note); note.focus();
  }
  async function check(f, submitter) {
    const send = () => { f.dataset.checked = ""; f.requestSubmit(submitter); delete f.dataset.checked; };
    let answer;
    try { answer = await fetch(f.dataset.check, { method: "POST", body: rest(f), headers: { Accept: "application/json" }, redirect: "error" }); }
    catch { send(); return; }
    if (answer.status !== 422) { send(); return; }
    const { title, errors } = await answer.json();
    show(f, title, errors);
  }
  document.addEventListener("submit", (e) => {
    const f = e.target;
    if (f.matches("[data-check]") && !("checked" in f.dataset)) { e.preventDefault(); check(f, e.submitter); return; }
    if (!f.matches("[data-guard]")) return;
    f.classList.remove("dirty");
    try { if (f.dataset.object) sessionStorage.setItem("coffer-saving", f.dataset.object); } catch { /* as above */ }
  });
  // A form that comes back with errors holds what is not saved.
  onStart((root) => { if ($("#errors", root)) $("form[data-guard]", root)?.classList.add("dirty"); });
})();
